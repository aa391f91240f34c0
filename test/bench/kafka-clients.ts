import { randomUUID } from 'node:crypto';
import type { KafkaAddress, OutgoingRecord } from '@cqrs/runtime/kafka/port.ts';
import type { KafkaClient } from '../conformance/kafka-client.ts';
import { kafkajsClient } from '../conformance/kafkajs/kafkajs-client.ts';
import { platformaticClient } from '../conformance/platformatic-client.ts';
import { startKafka } from '../support/kafka.ts';
import { eventually } from '../support/eventually.ts';
import type { BenchOptions, Measured } from './figures.ts';
import { eventRecord } from './event-records.ts';

const partitions = 12;
const turns = 3;
const records = 100_000;
/** About the relay's 900 kB: its records have 0.7 kB with their headers. */
const batchRecords = 1_200;
const consumeMsMax = 120_000;
const clients: Readonly<Record<string, KafkaClient>> = {
  platformatic: platformaticClient,
  kafkajs: kafkajsClient,
};

type Turn = {
  readonly publishedPerSecond: number;
  readonly publishCpuUs: number;
  readonly consumedPerSecond: number;
  readonly consumeCpuUs: number;
};

/** The clients behind the port in turns on one broker: what each publishes (all replicas, idempotent) and consumes. */
export async function benchKafkaClients({ note }: BenchOptions): Promise<Measured> {
  const kafka = await startKafka();
  try {
    const results: { name: string; result: Turn }[] = [];
    const rounds = Array.from({ length: turns + 1 }, (_, turn) => turn);
    for (const { turn, name, client } of rounds.flatMap(inTurns)) {
      note(`${name}, ${turn === 0 ? 'to warm up' : `turn ${turn} of ${turns}`}`);
      const address = { brokers: kafka.brokers, clientId: `bench-${name}` };
      const result = await takeTurn(client, address);
      if (turn > 0) results.push({ name, result });
    }
    const measured = Object.keys(clients).map((client) => ({
      name: client,
      turns: results.filter(({ name }) => name === client).map(({ result }) => result),
    }));
    return {
      name: 'kafka-clients',
      figures: measured.flatMap(({ name, turns: own }) => [
        { key: `${name}_publish_per_second`, value: best(own, 'publishedPerSecond', Math.max) },
        { key: `${name}_publish_cpu_us`, value: best(own, 'publishCpuUs', Math.min) },
        { key: `${name}_consume_per_second`, value: best(own, 'consumedPerSecond', Math.max) },
        { key: `${name}_consume_cpu_us`, value: best(own, 'consumeCpuUs', Math.min) },
      ]),
    };
  } finally {
    await kafka.stop();
  }
}

function inTurns(turn: number) {
  return Object.entries(clients).map(([name, client]) => ({ turn, name, client }));
}

/** The machine may be busy with other things, so the best of the turns is what the client can do. */
function best(
  results: readonly Turn[],
  key: keyof Turn,
  pick: (...values: number[]) => number,
): number {
  return pick(...results.map((result) => result[key]));
}

async function takeTurn(client: KafkaClient, address: KafkaAddress): Promise<Turn> {
  const topic = `bench-${randomUUID()}`;
  await using admin = client.openTopicAdmin(address);
  await admin.create([{ topic, partitions, settings: {} }]);
  const batches = Array.from({ length: Math.ceil(records / batchRecords) }, (_unused, batch) =>
    Array.from({ length: batchRecords }, (_, place): OutgoingRecord => {
      return eventRecord({
        topic,
        id: randomUUID(),
        version: 1,
        number: batch * batchRecords + place,
      });
    }),
  );
  const total = batches.length * batchRecords;
  const published = await measure(total, async () => {
    await using publisher = await client.openPublisher(address);
    for (const batch of batches) await publisher.publish(batch);
  });
  const consumed = await measure(total, () => consumeAll(client, address, { topic, total }));
  await admin.delete([topic]);
  return {
    publishedPerSecond: published.perSecond,
    publishCpuUs: published.cpuUs,
    consumedPerSecond: consumed.perSecond,
    consumeCpuUs: consumed.cpuUs,
  };
}

/** Every record's key, value and two headers are touched, as a projector must. */
async function consumeAll(
  client: KafkaClient,
  address: KafkaAddress,
  { topic, total }: { readonly topic: string; readonly total: number },
): Promise<void> {
  const source = client.openRecordSource(address);
  let seen = 0;
  let bytes = 0;
  const consumption = await source.consume(`bench-${randomUUID()}`, [topic], {
    onAssigned: (assigned, { seek }) => assigned.forEach((where) => seek(where, 0n)),
    onBatch: async (batch) => {
      for (const record of batch.records) {
        bytes += String(record.key).length + String(record.value).length;
        bytes += record.header('ce_sequence')?.length ?? 0;
        bytes += record.header('ce_time')?.length ?? 0;
      }
      seen += batch.records.length;
      batch.resolve();
    },
    onSkipped: () => undefined,
  });
  await eventually('every record to be consumed', consumeMsMax, () => seen >= total);
  if (bytes < total) throw new Error('The records were empty');
  await consumption.stop();
  await source.close();
}

async function measure(
  count: number,
  work: () => Promise<void>,
): Promise<{ readonly perSecond: number; readonly cpuUs: number }> {
  const cpuBefore = process.cpuUsage();
  const startedAtMs = performance.now();
  await work();
  const seconds = (performance.now() - startedAtMs) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { perSecond: count / seconds, cpuUs: (user + system) / count };
}
