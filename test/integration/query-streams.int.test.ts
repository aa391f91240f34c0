/** Live updates of the query service: a real process, a real Redis, and the projector's own writer. */
import { connect } from 'node:net';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { QueryStatus } from '@cqrs/contract/ops-status.ts';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startService, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { feedView, type ViewFeed } from '../support/view-feed.ts';
import { composedView, plainView, service } from '../support/view-model.ts';
import { openStream, type StreamClient } from './query-stream-client.ts';

const patience = { timeout: 15_000, interval: 20 };
let redis: TestRedis;
let query: TestService;
let plain: ViewFeed;
let composed: ViewFeed;
const versions = new Map<string, number>();
const clients = new Set<StreamClient>();

beforeAll(async () => {
  redis = await startRedis();
  plain = await feedView(redis.client, service, plainView);
  composed = await feedView(redis.client, service, composedView);
  query = await startQuery();
});

afterEach(() => {
  for (const client of clients) client.leave();
  clients.clear();
});

afterAll(async () => {
  await query.kill();
  await redis.stop();
});

async function startQuery(): Promise<TestService> {
  const started = await startService({
    program: 'query',
    config: { service, views: [plainView, composedView] },
    env: redis.env,
  });
  await started.ready();
  return started;
}

/** The next version of an aggregate, in one view. */
async function write(
  feed: ViewFeed,
  aggregate: string,
  states: readonly (readonly [id: string, state: object | null])[],
): Promise<void> {
  const events = states.map(([id, state]) => {
    const of = `${feed === plain ? 'plain' : 'composed'} ${aggregate} ${id}`;
    const version = (versions.get(of) ?? 0) + 1;
    versions.set(of, version);
    return { id, version, state: state === null ? null : JSON.stringify({ id, ...state }) };
  });
  await feed.apply(aggregate, events);
}

async function follow(path: string, headers: Record<string, string> = {}): Promise<StreamClient> {
  const client = await openStream(query.http + path, headers);
  clients.add(client);
  return client;
}

const readsServed = async (): Promise<number> => (await query.status<QueryStatus>()).readsServed;

async function metric(own: TestService, name: string): Promise<number> {
  const text = await (await fetch(`${own.ops}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

test('shows a document as it is, then each change, and its end', async () => {
  await write(plain, 'order', [['live', { total: 1 }]]);
  const client = await follow('/orders/live');
  expect(client.answer.headers).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
  });
  await client.until('the first state', ({ id }) => id === '"1"');
  await write(plain, 'order', [['live', { total: 2 }]]);
  const second = await client.until('the change', ({ id }) => id === '"2"');
  expect(second).toEqual({ name: 'document', id: '"2"', data: { id: 'live', total: 2 } });
  await write(plain, 'order', [['live', null]]);
  await client.until('the end', ({ name }) => name === 'deleted');
  expect(client.events).toHaveLength(3);
  expect(client.others[0]).toMatch(/^retry: \d+$/);
});

test('follows a document that is yet to come', async () => {
  const client = await follow('/orders/later');
  const first = await client.until('that it is not there', () => true);
  expect(first).toEqual({ name: 'deleted', id: '"0"', data: null });
  await write(plain, 'order', [['later', {}]]);
  await client.until('that it came', ({ name }) => name === 'document');
});

test('sends nothing of what the client says that it has', async () => {
  await write(plain, 'order', [['known', { total: 1 }]]);
  const client = await follow('/orders/known', { 'last-event-id': '"1"' });
  const other = await follow('/orders/known', { 'last-event-id': '"0"' });
  await other.until('the state', ({ id }) => id === '"1"');
  await write(plain, 'order', [['known', { total: 2 }]]);
  await client.until('the change', ({ id }) => id === '"2"');
  expect(client.events.map(({ id }) => id)).toEqual(['"2"']);
});

test('a composed document follows its parts and its lookup', async () => {
  await write(composed, 'order', [['o1', { customerId: 'c1' }]]);
  const client = await follow('/order-history/o1');
  await client.until('the order', () => true);
  await write(composed, 'payment', [['p1', { orderId: 'o1' }]]);
  await client.until('the payment', ({ data }) => JSON.stringify(data).includes('"p1"'));
  await write(composed, 'customer', [['c1', { name: 'Ödön' }]]);
  const joined = await client.until('the customer', ({ data }) =>
    JSON.stringify(data).includes('Ödön'),
  );
  expect(joined.data).toMatchObject({ payments: [{ id: 'p1' }], customer: { name: 'Ödön' } });
});

test('a list is sent when it changes, and only then', async () => {
  await write(plain, 'order', [
    ['l1', { customerId: 'lists', placedAt: 1, total: 1 }],
    ['l2', { customerId: 'lists', placedAt: 2, total: 2 }],
  ]);
  const client = await follow('/orders?customerId=lists&order=-placedAt,total&limit=2');
  const ids = (): unknown[] =>
    (client.events.at(-1)?.data as { items: { id: string }[] } | undefined)?.items.map(
      ({ id }) => id,
    ) ?? [];
  await client.until('the page', ({ name }) => name === 'list');
  expect(ids()).toEqual(['l2', 'l1']);
  // Of no concern to this list, though it is read again.
  const before = await readsServed();
  await write(plain, 'order', [['elsewhere', { customerId: 'other' }]]);
  await expect.poll(readsServed, patience).toBeGreaterThan(before);
  await write(plain, 'order', [['l3', { customerId: 'lists', placedAt: 3, total: 3 }]]);
  await expect.poll(ids, patience).toEqual(['l3', 'l2']);
  expect(client.events).toHaveLength(2);
});

test('many streams of one document cost few reads, and all end with the last state', async () => {
  const writes = 200;
  await write(plain, 'order', [['hot', { total: 0 }]]);
  const following = await Promise.all(Array.from({ length: 50 }, () => follow('/orders/hot')));
  await Promise.all(following.map((client) => client.until('the first state', () => true)));
  const before = await readsServed();
  for (let total = 1; total <= writes; total += 1) {
    await write(plain, 'order', [['hot', { total }]]);
  }
  const last = `"${writes + 1}"`;
  await Promise.all(following.map((client) => client.until('the last', ({ id }) => id === last)));
  expect((await readsServed()) - before).toBeLessThanOrEqual(writes);
  for (const { events } of following) {
    const seen = events.map(({ id }) => Number(id.slice(1, -1)));
    expect(seen).toEqual([...new Set(seen)].toSorted((one, other) => one - other));
  }
});

test('a lost Redis ends no stream, and what it missed comes when Redis is back', async () => {
  await write(plain, 'order', [['lasting', { total: 1 }]]);
  const client = await follow('/orders/lasting');
  await client.until('the first state', ({ id }) => id === '"1"');
  await redis.kill();
  await expect.poll(async () => (await fetch(`${query.http}/orders/x`)).status, patience).toBe(503);
  const early = await follow('/orders/lasting');
  await redis.start();
  await write(plain, 'order', [['lasting', { total: 2 }]]);
  await client.until('what was missed', ({ id }) => id === '"2"');
  await early.until('the state, to who came meanwhile', ({ id }) => id === '"2"');
});

test('a client that reads slowly gets the latest state and not every one', async () => {
  const filling = 'x'.repeat(500_000);
  await write(plain, 'order', [['large', { filling, total: 0 }]]);
  const slow = await follow('/orders/large');
  const quick = await follow('/orders/large');
  await slow.until('the first state', () => true);
  slow.answer.pause();
  for (let total = 1; total <= 40; total += 1) {
    await write(plain, 'order', [['large', { filling, total }]]);
    await quick.until('the change', ({ id }) => id === `"${total + 1}"`);
  }
  slow.answer.resume();
  await slow.until('the latest state', ({ id }) => id === '"41"');
  expect(slow.events.length).toBeLessThan(quick.events.length);
});

test('a client that takes nothing is dropped', async () => {
  const own = await startQuery();
  onTestFinished(async () => own.kill());
  const { hostname, port } = new URL(own.http);
  const filling = 'x'.repeat(4_000_000);
  await write(plain, 'order', [['stuck', { filling, total: 0 }]]);
  const socket = connect(Number(port), hostname).pause();
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  socket.write('GET /orders/stuck HTTP/1.1\r\nhost: test\r\naccept: text/event-stream\r\n\r\n');
  await expect.poll(() => metric(own, 'cqrs_query_streams_open'), patience).toBe(1);
  for (let total = 1; total <= 5; total += 1) {
    await write(plain, 'order', [['stuck', { filling, total }]]);
    await delay(50);
  }
  await expect
    .poll(() => metric(own, 'cqrs_query_streams_ended_total{why="slow"}'), {
      timeout: 60_000,
      interval: 200,
    })
    .toBe(1);
  socket.destroy();
}, 70_000);

test('a stream is a GET: HEAD has no events, and what is neither JSON nor a stream is a 406', async () => {
  const accept = 'text/event-stream';
  const head = await fetch(`${query.http}/orders/live`, { method: 'HEAD', headers: { accept } });
  expect([head.status, head.headers.get('content-type')]).toEqual([200, accept]);
  const none = await fetch(`${query.http}/orders/live`, { headers: { accept: 'text/html' } });
  expect(none.status).toBe(406);
  const keys = await fetch(`${query.http}/orders?key=a&key=b`, { headers: { accept } });
  expect(keys.status).toBe(406);
  const wrong = await fetch(`${query.http}/orders?total=1`, { headers: { accept } });
  expect(wrong.status).toBe(400);
});

test('refuses streams beyond the bound, and takes others when some have left', async () => {
  const own = await startQuery();
  onTestFinished(async () => own.kill());
  const open = Array.from({ length: 1_000 }, () => openStream(`${own.http}/orders/live`));
  const streams = await Promise.all(open);
  const refused = await fetch(`${own.http}/orders/live`, {
    headers: { accept: 'text/event-stream' },
  });
  expect(refused.status).toBe(503);
  expect(((await refused.json()) as { type: string }).type).toBe('urn:cqrs:problem:overloaded');
  expect((await fetch(`${own.http}/orders/later`)).status).toBe(200);
  for (const stream of streams) stream.leave();
  await expect.poll(() => metric(own, 'cqrs_query_streams_open'), patience).toBe(0);
});

test('streams end in good order when the process is told to stop, after others were told to serve', async () => {
  const own = await startQuery();
  onTestFinished(async () => own.kill());
  const document = await openStream(`${own.http}/orders/later`);
  const list = await openStream(`${own.http}/orders?customerId=lists`);
  await document.until('the document', () => true);
  await list.until('the list', () => true);
  const exit = own.stop();
  await expect.poll(async () => (await fetch(`${own.ops}/readyz`)).status, patience).toBe(503);
  const late = await openStream(`${own.http}/orders/later`);
  await late.until('the document', () => true);
  expect(await Promise.all([document.ended, list.ended, late.ended])).toEqual([true, true, true]);
  expect(await exit).toBe(0);
});
