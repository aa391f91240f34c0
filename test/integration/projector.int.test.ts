/** The projector as a process between a real Kafka and a real Redis, read through the query process. */
import type { ViewConfig } from '@cqrs/contract/config.ts';
import type { ProjectorStatus } from '@cqrs/contract/ops-status.ts';
import { readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startKafka, type TestKafka } from '../support/kafka.ts';
import { startService, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startPublisher, type EventPublisher } from './projector-events.ts';
import { composedView, plainView, type ModelEvent } from '../support/view-model.ts';

const settleMsMax = 30_000;
const eventsMany = 10_000;
const eventsAtOnce = 1_000;
const shop = { namespace: 'test', name: 'shop' };
const patience = { timeout: settleMsMax, interval: 20 };
let kafka: TestKafka;
let redis: TestRedis;
let publisher: EventPublisher;
let serial = 0;

beforeAll(async () => {
  [kafka, redis] = await Promise.all([startKafka(), startRedis()]);
  publisher = await startPublisher(kafka.brokers);
});

afterAll(async () => {
  await publisher.stop();
  await Promise.all([kafka.stop(), redis.stop()]);
});

/** The view with topics of the test's own, which all tests share one Kafka and one Redis by. */
function ownView(view: ViewConfig): ViewConfig {
  serial += 1;
  const sources = view.sources.map((source) => ({ ...source, topic: `${source.topic}-${serial}` }));
  return { ...view, sources };
}

function topicOf(view: ViewConfig, aggregate: string): string {
  return view.sources.find((source) => source.aggregate === aggregate)?.topic ?? '';
}

async function start(program: 'projector' | 'query', view: ViewConfig): Promise<TestService> {
  const started = await startService({
    program,
    config: { service: shop, views: [view] },
    env: { ...redis.env, ...kafka.env },
  });
  onTestFinished(async () => started.kill());
  return started;
}

async function read(query: TestService, path: string): Promise<unknown> {
  const answer = await fetch(query.http + path);
  return answer.status === 200 ? answer.json() : answer.status;
}

const order = (version: number, total: number): ModelEvent => ({
  id: 'o1',
  version,
  state: { id: 'o1', customerId: 'c1', placedAt: '2025-01-01', total },
});

test('composes a view from topics that appear one after the other', async () => {
  const view = ownView(composedView);
  const [orders, payments] = [topicOf(view, 'order'), topicOf(view, 'payment')];
  const projector = await start('projector', view);
  const query = await start('query', view);
  const status = (): Promise<ProjectorStatus> => projector.status<ProjectorStatus>();

  await expect.poll(status, patience).toMatchObject({
    errorCode: 'CQRS_TOPIC_MISSING',
    error: expect.stringContaining(orders) as string,
  });
  await publisher.createTopic(orders, 3);
  await publisher.publish(orders, [order(1, 10), order(2, 20)]);
  const shown = { ...order(2, 20).state, payments: [], shipment: null, customer: null };
  await expect.poll(() => read(query, '/order-history/o1'), patience).toEqual(shown);

  await publisher.createTopic(payments, 3);
  await publisher.publish(payments, [
    { id: 'p2', version: 1, state: { id: 'p2', orderId: 'o1' } },
    { id: 'p1', version: 1, state: { id: 'p1', orderId: 'o1' } },
  ]);
  const both = [
    { id: 'p1', orderId: 'o1' },
    { id: 'p2', orderId: 'o1' },
  ];
  await expect
    .poll(() => read(query, '/order-history/o1'), patience)
    .toEqual({ ...shown, payments: both });
  for (const aggregate of ['shipment', 'customer']) {
    await publisher.createTopic(topicOf(view, aggregate), 1);
  }
  await publisher.publish(topicOf(view, 'customer'), [
    { id: 'c1', version: 1, state: { id: 'c1', name: 'Ada' } },
  ]);
  const whole = { ...shown, payments: both, customer: { id: 'c1', name: 'Ada' } };
  await expect.poll(() => read(query, '/order-history/o1'), patience).toEqual(whole);
  await expect
    .poll(() => read(query, '/order-history?customerId=c1'), patience)
    .toEqual({ items: [whole], next: null });
  await expect.poll(status, patience).toMatchObject({
    error: null,
    views: [{ view: 'order-history', lagEvents: 0, lagSeconds: 0, halted: [] }],
  });
});

test('builds the view anew when Redis has lost everything while nothing happened', async () => {
  const view = ownView(plainView);
  await publisher.createTopic(topicOf(view, 'order'), 3);
  await start('projector', view);
  const query = await start('query', view);
  await publisher.publish(topicOf(view, 'order'), [order(1, 10)]);
  await expect.poll(() => read(query, '/orders/o1'), patience).toEqual(order(1, 10).state);

  await redis.client.flushall();
  await redis.client.call('FUNCTION', 'FLUSH');
  // Not a 404: what is not there yet may be there in Kafka.
  expect(await read(query, '/orders/o1')).toBe(503);
  await expect.poll(() => read(query, '/orders/o1'), patience).toEqual(order(1, 10).state);
  await expect
    .poll(() => read(query, '/orders'), patience)
    .toEqual({ items: [order(1, 10).state], next: null });
});

test('says what is away, and goes on by itself when it is back', async () => {
  const view = ownView(plainView);
  const orders = topicOf(view, 'order');
  await publisher.createTopic(orders, 3);
  const projector = await start('projector', view);
  const query = await start('query', view);
  await publisher.publish(orders, [order(1, 10)]);
  await expect.poll(() => read(query, '/orders/o1'), patience).toEqual(order(1, 10).state);
  const errorCode = async (): Promise<string | null> =>
    (await projector.status<ProjectorStatus>()).errorCode;

  await redis.kill();
  await expect.poll(errorCode, patience).toBe('CQRS_READ_STORE_FAILED');
  await publisher.publish(orders, [order(2, 20)]);
  await redis.start();
  await expect.poll(() => read(query, '/orders/o1'), patience).toEqual(order(2, 20).state);
  await expect.poll(errorCode, patience).toBe(null);

  await kafka.kill();
  await expect.poll(errorCode, patience).toBe('CQRS_EVENT_SOURCE_FAILED');
  await kafka.start();
  await publisher.publish(orders, [order(3, 30)]);
  await expect.poll(() => read(query, '/orders/o1'), patience).toEqual(order(3, 30).state);
  await expect.poll(errorCode, patience).toBe(null);
}, 120_000);

test('refuses a Redis that may evict, and says what to change', async () => {
  const view = ownView(plainView);
  await publisher.createTopic(topicOf(view, 'order'), 1);
  await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  onTestFinished(
    async () => void (await redis.client.config('SET', 'maxmemory-policy', 'noeviction')),
  );
  const projector = await start('projector', view);
  const error = async (): Promise<string | null> =>
    (await projector.status<ProjectorStatus>()).error;
  await expect.poll(error, patience).toContain('set maxmemory-policy noeviction');

  await redis.client.config('SET', 'maxmemory-policy', 'noeviction');
  await expect.poll(error, patience).toBeNull();
});

test('a view counts as built only behind the end that its topic has when it is built anew', async () => {
  const view = ownView(plainView);
  const topic = topicOf(view, 'order');
  const { built, positions } = readStoreKeys(viewTag(shop, view));
  await publisher.createTopic(topic, 1);
  await start('projector', view);
  const look = async (): Promise<{ isBuilt: boolean; position: number }> => {
    const [[, mark], [, position]] = (await redis.client
      .multi()
      .exists(built)
      .hget(positions, `${topic}:0`)
      .exec()) as [[null, number], [null, string | null]];
    return { isBuilt: mark === 1, position: Number(position?.split(' ')[1]) };
  };
  // Built while its topic is empty.
  await expect.poll(look, patience).toMatchObject({ isBuilt: true });
  for (let first = 0; first < eventsMany; first += eventsAtOnce) {
    const events = Array.from({ length: eventsAtOnce }, (_, n) => ({ id: `k${first + n}` }));
    await publisher.publish(
      topic,
      events.map((event) => ({ ...event, version: 1, state: null })),
    );
  }
  await expect.poll(look, patience).toEqual({ isBuilt: true, position: eventsMany });
  await redis.client.flushall();
  const seen: Awaited<ReturnType<typeof look>>[] = [];
  await expect
    .poll(async () => seen[seen.push(await look()) - 1], { ...patience, interval: 1 })
    .toEqual({ isBuilt: true, position: eventsMany });
  expect(seen.some(({ isBuilt }) => !isBuilt)).toBe(true);
  expect(seen.filter(({ isBuilt, position }) => isBuilt && position < eventsMany)).toEqual([]);
});
