/** Who writes and then reads with the token of the write sees the write: through Postgres, Kafka, Redis and all four programs. */
import { randomBytes } from 'node:crypto';
import type { AggregateConfig, ViewConfig } from '@cqrs/contract/config.ts';
import type { RelayStatus } from '@cqrs/contract/ops-status.ts';
import { postgresNames, slotName } from '@cqrs/contract/postgres-names.ts';
import { topicName } from '@cqrs/contract/topics.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startKafka, type TestKafka } from '../support/kafka.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { startService, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const service = { namespace: 'test', name: 'shop' };
const startMsMax = 60_000;
const partitions = 6;
const clients = 16;
const roundsOfOne = 40;

const aggregates: readonly AggregateConfig[] = ['order', 'payment', 'customer'].map((name) => ({
  name,
  schema: { type: 'object' },
}));
const topicOf = (aggregate: string): string => topicName(service, aggregate);
const root = {
  topic: topicOf('order'),
  aggregate: 'order',
  gapless: true,
  role: 'root',
} as const;
const indexes = [{ by: ['customerId'], order: ['-total'] }];
const views: readonly ViewConfig[] = [
  { name: 'orders', sources: [root], indexes },
  {
    name: 'history',
    sources: [
      root,
      {
        topic: topicOf('payment'),
        aggregate: 'payment',
        gapless: true,
        role: 'part',
        key: 'orderId',
        as: 'payments',
        many: true,
      },
      {
        topic: topicOf('customer'),
        aggregate: 'customer',
        gapless: true,
        role: 'lookup',
        lookup: 'customerId',
        as: 'customer',
      },
    ],
    indexes,
  },
];

let stores: { postgres: TestPostgres; kafka: TestKafka; redis: TestRedis };
let command: TestService;
let relay: TestService;
let projector: TestService;
let query: TestService;
const token = { CQRS_TOKEN_KEY: randomBytes(32).toString('base64') };

beforeAll(async () => {
  const [postgres, kafka, redis] = await Promise.all([startPostgres(), startKafka(), startRedis()]);
  stores = { postgres, kafka, redis };
  const reading = { config: { service, views }, env: { ...kafka.env, ...redis.env, ...token } };
  command = await startService({
    program: 'command',
    config: { service, aggregates },
    env: { ...postgres.env('command'), ...token },
  });
  await command.ready();
  relay = await startService({
    program: 'relay',
    config: {
      service,
      slot: slotName(service),
      publication: postgresNames.publication,
      topics: aggregates.map(({ name }) => ({
        aggregate: name,
        topic: topicOf(name),
        partitions,
        retention: 'forever',
      })),
    },
    env: { ...postgres.env('relay'), ...kafka.env },
  });
  await eventually('the relay to stream', startMsMax, async () => {
    return (await relay.status<RelayStatus>()).streaming;
  });
  projector = await startService({ program: 'projector', ...reading });
  query = await startService({ program: 'query', ...reading });
  await query.ready();
  for (const view of ['orders', 'history']) {
    await eventually(`the empty view ${view} to count as built`, startMsMax, async () => {
      return (await fetch(`${query.http}/${view}/nothing`)).status === 404;
    });
  }
});

afterAll(async () => {
  for (const program of [query, projector, relay, command]) await program?.kill();
  await stores.redis.stop();
  await stores.kafka.stop();
  await stores.postgres.stop();
});

type Answer = { readonly status: number; readonly headers: Headers; readonly body: unknown };

async function send(
  method: 'PUT' | 'DELETE',
  path: string,
  { body, earlier }: { readonly body?: object; readonly earlier?: string } = {},
): Promise<string> {
  const answer = await fetch(command.http + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(earlier === undefined ? {} : { 'consistency-token': earlier }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return answer.headers.get('consistency-token') ?? '';
}

async function read(path: string, written: string, prefer = 'wait=10'): Promise<Answer> {
  const answer = await fetch(query.http + path, {
    headers: { 'consistency-token': written, prefer },
  });
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

/** One client's rounds: each writes, reads with the token of that, and must see what it wrote. */
async function everyClient(rounds: number, round: (name: string, number: number) => Promise<void>) {
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let number = 1; number <= rounds; number += 1) await round(`c${client}`, number);
    }),
  );
}

test('under load every read by key sees its own write', async () => {
  await everyClient(roundsOfOne, async (name, number) => {
    const written = await send('PUT', `/order/key-${name}`, { body: { total: number } });
    expect(await read(`/orders/key-${name}`, written)).toMatchObject({
      status: 200,
      body: { total: number },
    });
  });
});

test('under load every list shows what was just written to it, and no longer what has left it', async () => {
  await everyClient(roundsOfOne, async (name, number) => {
    const [here, there] = [`${name}-${number % 2}`, `${name}-${(number + 1) % 2}`];
    const body = { customerId: here, total: number };
    const written = await send('PUT', `/order/list-${name}`, { body });
    expect(await read(`/orders?customerId=${here}`, written)).toMatchObject({
      status: 200,
      body: { items: [{ id: `list-${name}`, total: number }] },
    });
    expect(await read(`/orders?customerId=${there}`, written)).toMatchObject({
      body: { items: [] },
    });
  });
});

test('under load a composed document shows root, part and lookup of one token', async () => {
  await everyClient(roundsOfOne / 2, async (name, number) => {
    const customer = await send('PUT', `/customer/${name}`, { body: { visits: number } });
    const payment = { orderId: `sum-${name}`, amount: number };
    const paid = await send('PUT', `/payment/${name}`, { body: payment, earlier: customer });
    const order = { customerId: name, total: number };
    const all = await send('PUT', `/order/sum-${name}`, { body: order, earlier: paid });
    const seen = { total: number, payments: [{ amount: number }], customer: { visits: number } };
    expect(await read(`/history/sum-${name}`, all)).toMatchObject({ status: 200, body: seen });
    expect(await read(`/history?customerId=${name}`, all)).toMatchObject({
      body: { items: [seen] },
    });
  });
});

test('a deletion is read as one', async () => {
  await everyClient(3, async (name, number) => {
    const id = `gone-${name}-${number}`;
    const there = await send('PUT', `/order/${id}`, { body: { total: 1 } });
    expect((await read(`/orders/${id}`, there)).status).toBe(200);
    const gone = await send('DELETE', `/order/${id}`, { earlier: there });
    expect((await read(`/orders/${id}`, gone)).status).toBe(404);
  });
});

test('while the projector stands still reads wait as long as they ask, and then say so', async () => {
  const before = await send('PUT', '/order/still', { body: { total: 1 } });
  expect((await read('/orders/still', before)).status).toBe(200);
  process.kill(projector.pid, 'SIGSTOP');
  const written = await send('PUT', '/order/still', { body: { total: 2 } });
  const startedMs = performance.now();
  const strict = await read('/orders/still', written, 'wait=1');
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(990);
  expect(strict).toMatchObject({ status: 504, body: { title: expect.any(String) as string } });
  expect(strict.headers.get('retry-after')).toBe('1');
  const lenient = await read('/orders/still', written, 'wait=1, handling=lenient');
  expect(lenient).toMatchObject({ status: 200, body: { total: 1 } });
  expect(lenient.headers.get('consistency-status')).toBe('stale');

  const waits = read('/orders/still', written);
  process.kill(projector.pid, 'SIGCONT');
  expect(await waits).toMatchObject({ status: 200, body: { total: 2 } });
});

test('a Redis that lost everything never says that there is nothing, and a token is good for what is built anew', async () => {
  const written = await send('PUT', '/order/lasting', { body: { total: 1 } });
  expect((await read('/orders/lasting', written)).status).toBe(200);
  await stores.redis.client.flushall();
  const statuses = new Set<number>();
  await eventually('the document to be back', startMsMax, async () => {
    const { status } = await fetch(`${query.http}/orders/lasting`);
    statuses.add(status);
    return status === 200;
  });
  expect([...statuses].toSorted((a, b) => a - b)).not.toContain(404);
  expect(await read('/orders/lasting', written)).toMatchObject({ status: 200 });
  await eventually('the view to be built', startMsMax, async () => {
    return (await fetch(`${query.http}/orders/nothing`)).status === 404;
  });
});
