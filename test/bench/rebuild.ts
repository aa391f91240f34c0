import { topicName } from '@cqrs/contract/topics.ts';
import { openPublisher } from '@cqrs/runtime/kafka/platformatic/record-publisher.ts';
import { openRecordSource } from '@cqrs/runtime/kafka/platformatic/record-source.ts';
import { openTopicAdmin } from '@cqrs/runtime/kafka/platformatic/topic-admin.ts';
import { readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import type { ViewConfig } from '@cqrs/contract/config.ts';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { startKafka } from '../support/kafka.ts';
import { eventually } from '../support/eventually.ts';
import { startService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { eventRecord } from './event-records.ts';
import type { BenchOptions, Measured } from './figures.ts';
import { orderAggregate, service } from './orders.ts';

const aggregates = 100_000;
const versions = 5;
const events = aggregates * versions;
const partitions = 12;
const batchRecords = 1_000;
const setsPerWrite = 128;
const setsUnderWayMax = 64;
const setAllMsMax = 60_000;
const rebuildMsMax = 120_000;

const topic = topicName(service, orderAggregate.name);
const view: ViewConfig = {
  name: 'orders',
  sources: [{ topic, aggregate: orderAggregate.name, gapless: true, role: 'root' }],
  indexes: [{ by: ['customerId'], order: ['-total'] }],
};

/** A view with one index built anew by the real projector; beside it what the client and Redis do without one. */
export async function benchRebuild({ note }: BenchOptions): Promise<Measured> {
  const cleanUp = new AsyncDisposableStack();
  try {
    note('starts Kafka and Redis');
    const kafka = await startKafka();
    cleanUp.defer(() => kafka.stop());
    const redis = await startRedis();
    cleanUp.defer(() => redis.stop());
    const address = { brokers: kafka.brokers, clientId: 'bench' };
    note(`publishes ${events} events`);
    await publishAll(address);
    note('consumes them and does nothing with them');
    const consumed = await consumePerSecond(address);
    note('sets as many documents without a projector');
    const set = await measureSet(redis);
    await redis.client.flushall();
    note('builds the view');
    const projector = await startService({
      program: 'projector',
      config: { service, views: [view] },
      env: { ...kafka.env, ...redis.env },
    });
    cleanUp.defer(() => projector.kill());
    const built = await measureBuild(redis, projector.pid);
    return {
      name: 'rebuild',
      figures: [
        { key: 'events_per_second', value: built.perSecond, atLeast: 80_000 },
        { key: 'raw_consume_per_second', value: consumed },
        { key: 'raw_set_per_second', value: set.perSecond },
        { key: 'raw_set_ratio', value: built.perSecond / set.perSecond, atLeast: 0.5 },
        { key: 'projector_cpu_us', value: built.projectorCpuUs },
        {
          key: 'redis_cpu_us',
          value: built.redisCpuUs,
          peer: { key: 'raw_set_redis_cpu_us', value: set.redisCpuUs },
        },
      ],
    };
  } finally {
    await cleanUp.disposeAsync();
  }
}

type Address = { readonly brokers: readonly string[]; readonly clientId: string };

async function publishAll(address: Address): Promise<void> {
  await using admin = openTopicAdmin(address);
  await admin.create([{ topic, partitions, settings: {} }]);
  await using publisher = await openPublisher(address);
  const ids = Array.from({ length: aggregates }, () => randomUUID());
  for (let version = 1; version <= versions; version += 1) {
    for (let first = 0; first < aggregates; first += batchRecords) {
      await publisher.publish(
        ids.slice(first, first + batchRecords).map((id, place) => {
          return eventRecord({ topic, id, version, number: first + place });
        }),
      );
    }
  }
}

async function consumePerSecond(address: Address): Promise<number> {
  const source = openRecordSource(address);
  let [seen, startedAtMs] = [0, 0];
  const consumption = await source.consume(`raw-${randomUUID()}`, [topic], {
    onAssigned: (assigned, { seek }) => {
      startedAtMs = performance.now();
      for (const where of assigned) seek(where, 0n);
    },
    onBatch: async ({ records, resolve }) => {
      seen += records.length;
      resolve();
    },
    onSkipped: () => undefined,
  });
  await eventually('every event to be consumed', rebuildMsMax, () => {
    const failure = consumption.failure();
    if (failure !== undefined) throw failure;
    return seen >= events;
  });
  const seconds = (performance.now() - startedAtMs) / 1000;
  await consumption.stop();
  await source.close();
  return events / seconds;
}

async function measureSet({
  port,
  password,
}: TestRedis): Promise<{ readonly perSecond: number; readonly redisCpuUs: number }> {
  const client = new Redis({ port, password, commandTimeout: setAllMsMax });
  const value = String(eventRecord({ topic, id: randomUUID(), version: 1, number: 1 }).value);
  const cpuBefore = redisCpuUs(await client.info('cpu'));
  const startedAtMs = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < events) {
      const first = next;
      next += setsPerWrite;
      const pipeline = client.pipeline();
      for (let number = first; number < first + setsPerWrite; number += 1) {
        pipeline.set(`raw:${number % aggregates}`, value);
      }
      await pipeline.exec();
    }
  };
  await Promise.all(Array.from({ length: setsUnderWayMax }, lane));
  const perSecond = next / ((performance.now() - startedAtMs) / 1000);
  const cpu = redisCpuUs(await client.info('cpu')) - cpuBefore;
  client.disconnect();
  return { perSecond, redisCpuUs: cpu / next };
}

type Build = {
  readonly perSecond: number;
  /** Processor time for each event: it says more than the clock while a machine has other work too. */
  readonly projectorCpuUs: number;
  readonly redisCpuUs: number;
};

/** From the first position that the read store shows to the last: the start of a process is not the matter. */
async function measureBuild({ client }: TestRedis, projectorPid: number): Promise<Build> {
  const { positions } = readStoreKeys(viewTag(service, view));
  const applied = async (): Promise<number> => {
    const stored = await client.hvals(positions);
    return stored.reduce((sum, text) => sum + Number(text.split(' ')[1] ?? 0), 0);
  };
  const spent = async () => ({
    atMs: performance.now(),
    projectorUs: await processCpuUs(projectorPid),
    redisUs: redisCpuUs(await client.info('cpu')),
  });
  const first = await eventually('the projector to begin', rebuildMsMax, async () => {
    const count = await applied();
    return count > 0 && { count, ...(await spent()) };
  });
  await eventually('the view to be built', rebuildMsMax, async () => (await applied()) === events);
  const last = await spent();
  const built = events - first.count;
  return {
    perSecond: built / ((last.atMs - first.atMs) / 1000),
    projectorCpuUs: (last.projectorUs - first.projectorUs) / built,
    redisCpuUs: (last.redisUs - first.redisUs) / built,
  };
}

/** Linux counts a process's time in ticks of 10 ms; the two are the 14th and 15th field, behind the name in brackets. */
async function processCpuUs(pid: number): Promise<number> {
  const [, fields = ''] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ');
  const [user, system] = fields.split(' ').slice(11, 13).map(Number);
  return ((user ?? 0) + (system ?? 0)) * 10_000;
}

function redisCpuUs(info: string): number {
  const seconds = [...info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gmu)].map(([, text]) =>
    Number(text),
  );
  return seconds.reduce((sum, each) => sum + each, 0) * 1e6;
}
