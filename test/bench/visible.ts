import { postgresNames, slotName } from '@cqrs/contract/postgres-names.ts';
import { topicName } from '@cqrs/contract/topics.ts';
import type { RelayStatus } from '@cqrs/contract/ops-status.ts';
import { fileURLToPath } from 'node:url';
import { startKafka, type TestKafka } from '../support/kafka.ts';
import { startPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { run, startService } from '../support/process.ts';
import { startRedis } from '../support/redis.ts';
import { quantile, type BenchOptions, type Measured } from './figures.ts';
import { orderAggregate, service } from './orders.ts';
import type { VisibleReport } from './visible-client.ts';

const rate = 1_000;
const warmUpSeconds = 5;
const seconds = 20;
const streamingMsMax = 60_000;
const clientMsMax = 120_000;
const clientProgram = fileURLToPath(new URL('./visible-client.ts', import.meta.url));

const topic = topicName(service, orderAggregate.name);
const views = [
  {
    name: 'orders',
    sources: [{ topic, aggregate: orderAggregate.name, gapless: true, role: 'root' }],
    indexes: [{ by: ['customerId'], order: ['-total'] }],
  },
];
const relayConfig = {
  service,
  slot: slotName(service),
  publication: postgresNames.publication,
  topics: [{ aggregate: orderAggregate.name, topic, partitions: 6, retention: 'forever' }],
};

/** From a commit to the query API at a steady rate, through the real programs and stores, each its own process. */
export async function benchVisible({ note }: BenchOptions): Promise<Measured> {
  const cleanUp = new AsyncDisposableStack();
  const kept = async <T extends { readonly stop: () => Promise<unknown> }>(
    starting: Promise<T>,
  ) => {
    const started = await starting;
    cleanUp.defer(async () => void (await started.stop()));
    return started;
  };
  try {
    note('starts Postgres, Kafka, Redis and the four programs');
    const postgres = await kept(startPostgres());
    const kafka = await kept(startKafka());
    const redis = await kept(startRedis());
    const command = await kept(
      startService({
        program: 'command',
        config: { service, aggregates: [orderAggregate] },
        env: postgres.env('command'),
      }),
    );
    await command.ready();
    const relay = await kept(
      startService({
        program: 'relay',
        config: relayConfig,
        env: { ...postgres.env('relay'), ...kafka.env },
      }),
    );
    await eventually('the relay to stream', streamingMsMax, async () => {
      return (await relay.status<RelayStatus>()).streaming;
    });
    const reading = { config: { service, views }, env: { ...kafka.env, ...redis.env } };
    const projector = await kept(startService({ program: 'projector', ...reading }));
    const query = await kept(startService({ program: 'query', ...reading }));
    await Promise.all([projector.ready(), query.ready()]);
    const at = { command: command.http, query: query.http, kafka };
    note('warms up');
    await follow(at, warmUpSeconds);
    note(`${rate} commands/s for ${seconds} s`);
    return measured(await follow(at, seconds));
  } finally {
    await cleanUp.disposeAsync();
  }
}

async function follow(
  at: { readonly command: string; readonly query: string; readonly kafka: TestKafka },
  forSeconds: number,
): Promise<VisibleReport> {
  const text = await run(
    [
      process.execPath,
      clientProgram,
      `--command=${at.command}`,
      `--query=${at.query}`,
      `--broker=${at.kafka.brokers[0]}`,
      `--topic=${topic}`,
      `--rate=${rate}`,
      `--seconds=${forSeconds}`,
    ],
    { timeoutMs: clientMsMax },
  );
  const report = JSON.parse(text) as VisibleReport;
  if (report.others > 0) throw new Error(`${report.others} commands were not taken`);
  return report;
}

function measured({ perSecond, ...stages }: VisibleReport): Measured {
  const { visibleMs, commitToKafkaMs, kafkaToStoreMs } = stages;
  return {
    name: 'visible',
    figures: [
      { key: 'per_second', value: perSecond },
      { key: 'followed', value: visibleMs.length },
      { key: 'p50_ms', value: quantile(visibleMs, 0.5), atMost: 15 },
      { key: 'p99_ms', value: quantile(visibleMs, 0.99), atMost: 60 },
      { key: 'commit_to_kafka_p50_ms', value: quantile(commitToKafkaMs, 0.5) },
      { key: 'commit_to_kafka_p99_ms', value: quantile(commitToKafkaMs, 0.99) },
      { key: 'kafka_to_store_p50_ms', value: quantile(kafkaToStoreMs, 0.5) },
      { key: 'kafka_to_store_p99_ms', value: quantile(kafkaToStoreMs, 0.99) },
    ],
  };
}
