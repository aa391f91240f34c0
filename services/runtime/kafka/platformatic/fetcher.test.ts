import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionPool, createRecordsBatch, type ClusterMetadata } from '@platformatic/kafka';
import { expect, onTestFinished, test } from 'vitest';
import {
  playBroker,
  type Answer,
  type Asked,
  type PlayedBroker,
} from '../../../../test/support/played-broker.ts';
import type { FetchedBatch } from '../port.ts';
import { retryDelayMs } from './client-options.ts';
import { Fetcher } from './fetcher.ts';

const partitions = [0, 1, 2, 3];
const patience = { timeout: 10_000, interval: 5 };

function recordAt(offset: bigint): Buffer {
  const message = { topic: 't', timestamp: 5n, key: Buffer.from('k'), value: Buffer.from('v') };
  const { buffer } = createRecordsBatch([message]);
  buffer.writeBigInt64BE(offset, 0);
  return buffer;
}

const healthy = ({ offset }: Asked): Answer => ({ errorCode: 0, bytes: recordAt(offset) });
const failing = (errorCode: number): Answer => ({ errorCode, bytes: Buffer.alloc(0) });

type Run = {
  readonly broker: PlayedBroker;
  readonly fetcher: Fetcher;
  readonly failures: readonly Error[];
  /** How many batches each partition was handed, by its number. */
  readonly handed: readonly number[];
};

async function run(of: {
  readonly answer: (asked: Asked) => Answer;
  readonly throttleMs?: number;
  readonly leaderOf?: (partition: number) => number;
  readonly onBatch?: (batch: FetchedBatch) => Promise<void>;
  readonly retryDelayMs?: (failures: number) => number;
}): Promise<Run> {
  const broker = await playBroker(of.answer, of.throttleMs);
  const connections = new ConnectionPool('fetcher-test', { connectTimeout: 1_000 });
  const failures: Error[] = [];
  const handed = partitions.map(() => 0);
  const node = { host: '127.0.0.1', port: broker.port };
  const metadata = {
    brokers: new Map([[1, node]]),
    topics: new Map([
      ['t', { partitions: partitions.map((each) => ({ leader: of.leaderOf?.(each) ?? 1 })) }],
    ]),
  };
  const fetcher = new Fetcher({
    connections,
    // Only what a fetcher looks at: leaders and where they are.
    metadata: () => Promise.resolve(metadata as unknown as ClusterMetadata),
    handlers: {
      onAssigned: (assigned, controls) => {
        for (const where of assigned) controls.seek(where, 0n);
      },
      onBatch: async (batch) => {
        handed[batch.partition] = (handed[batch.partition] ?? 0) + 1;
        if (of.onBatch === undefined) batch.resolve();
        else await of.onBatch(batch);
      },
      onSkipped: () => undefined,
    },
    onFailure: (error) => failures.push(error),
    ...(of.retryDelayMs === undefined ? {} : { retryDelayMs: of.retryDelayMs }),
  });
  onTestFinished(async () => {
    await fetcher.stop();
    await connections.close();
    await broker[Symbol.asyncDispose]();
  });
  fetcher.assign(partitions.map((partition) => ({ topic: 't', partition })));
  return { broker, fetcher, failures, handed };
}

const askedOf = ({ broker }: Run, partition: number): number =>
  broker.requests.flat().filter((asked) => asked.partition === partition).length;

const damaged = recordAt(0n).fill(0xff, 61);

test.each([
  ['a storage error', failing(56)],
  ['a leader that moved', failing(6)],
  ['a damaged batch', { errorCode: 0, bytes: damaged }],
])('goes on with all other partitions while one has %s, and asks for it seldom', async (_, bad) => {
  const running = await run({ answer: (asked) => (asked.partition === 1 ? bad : healthy(asked)) });
  await expect
    .poll(
      () =>
        Math.min(
          ...partitions.filter((each) => each !== 1).map((each) => running.handed[each] ?? 0),
        ),
      patience,
    )
    .toBeGreaterThan(100);
  await expect.poll(() => askedOf(running, 1), patience).toBeGreaterThan(2);
  expect(running.handed[1]).toBe(0);
  expect(askedOf(running, 1)).toBeLessThan(askedOf(running, 0) / 5);
  expect(running.failures).toEqual([]);
});

test('goes on with the others while one has no leader', async () => {
  const running = await run({ answer: healthy, leaderOf: (each) => (each === 1 ? -1 : 1) });
  await expect.poll(() => running.handed[0], patience).toBeGreaterThan(100);
  expect(running.handed[1]).toBe(0);
  expect(running.failures).toEqual([]);
});

test('reads a partition again once it has recovered, from where it was', async () => {
  let left = 3;
  const offsets: bigint[] = [];
  const running = await run({
    answer: (asked) => (asked.partition === 1 && left-- > 0 ? failing(56) : healthy(asked)),
    onBatch: async (batch) => {
      if (batch.partition === 1) offsets.push(batch.fetchedOffset);
      batch.resolve();
    },
  });
  await expect.poll(() => offsets.length, patience).toBeGreaterThan(10);
  expect(offsets).toEqual(offsets.map((_, place) => BigInt(place)));
  expect(running.failures).toEqual([]);
});

test('ends at an offset that is not there, once, names it, and asks for nothing more', async () => {
  const running = await run({
    answer: (asked) => (asked.partition === 1 ? failing(1) : healthy(asked)),
  });
  await expect.poll(() => running.failures.length, patience).toBe(1);
  expect(running.failures[0]?.message).toMatch(/^t:1 cannot be read/);
  const requests = running.broker.requests.length;
  await delay(300);
  expect(running.failures).toHaveLength(1);
  expect(running.broker.requests.length).toBeLessThanOrEqual(requests + 1);
});

test('ends when a partition stays bad, after a bounded number of tries', async () => {
  const running = await run({
    answer: (asked) => (asked.partition === 1 ? failing(56) : healthy(asked)),
    // All of them together take nine seconds; the others are read meanwhile, however short that is.
    retryDelayMs: (failures) => retryDelayMs(failures) / 10,
  });
  await expect.poll(() => running.failures.length, patience).toBe(1);
  expect(askedOf(running, 1)).toBe(13);
  expect(running.handed[0]).toBeGreaterThan(100);
});

test('ends at an error of whoever handles a batch', async () => {
  const running = await run({ answer: healthy, onBatch: () => Promise.reject(new Error('mine')) });
  await expect.poll(() => running.failures.length, patience).toBe(1);
  expect(running.failures[0]?.message).toBe('mine');
});

test('leaves a broker alone as long as it asks for', async () => {
  const running = await run({ answer: healthy, throttleMs: 200 });
  await expect.poll(() => running.handed[0], patience).toBeGreaterThanOrEqual(5);
  expect(running.broker.requests.length).toBeLessThan(8);
});
