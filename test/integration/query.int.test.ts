/** The query service as a process in front of a real Redis that the projector's own writer has filled. */
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { QueryStatus } from '@cqrs/contract/ops-status.ts';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startService, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { feedView, type ViewFeed } from '../support/view-feed.ts';
import { composedView, plainView, service } from '../support/view-model.ts';

const ordersMax = 120;
const patience = { timeout: 15_000, interval: 20 };
let redis: TestRedis;
let query: TestService;

beforeAll(async () => {
  redis = await startRedis();
  await fill(await feedView(redis.client, service, plainView), 'order');
  const composed = await feedView(redis.client, service, composedView);
  for (const aggregate of ['order', 'customer', 'payment']) await fill(composed, aggregate);
  query = await startQuery();
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

const states: Record<string, (number: number) => string> = {
  order: (n) =>
    `{"id":"o${n}","customerId":"c${n % 2}","placedAt":${n % 7},"total":${n},"serial":12345678901234567890,"lines":[]}`,
  customer: (n) => `{"id":"c${n}", "name":"Ödön"}`,
  payment: (n) => `{"id":"p${n}","orderId":"o1"}`,
};

/** Values that would not survive being parsed and written again. */
async function fill(feed: ViewFeed, aggregate: string): Promise<void> {
  const state = states[aggregate] ?? String;
  const size = aggregate === 'order' ? ordersMax : 3;
  await feed.apply(
    aggregate,
    Array.from({ length: size }, (_, number) => ({
      id: `${aggregate.slice(0, 1)}${number}`,
      version: 1,
      state: state(number),
    })),
  );
}

const ask = (path: string, init?: RequestInit): Promise<Response> => fetch(query.http + path, init);

async function problemOf(answer: Promise<Response>): Promise<Record<string, unknown>> {
  const { headers, status } = await answer;
  const body = (await (await answer).json()) as Record<string, unknown>;
  expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(body).toMatchObject({ status });
  return body;
}

const status = (): Promise<QueryStatus> => query.status<QueryStatus>();

test('gives a document in the bytes in which it was written, with its version', async () => {
  const answer = await ask('/orders/o5');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('etag')).toBe('"1"');
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(await answer.text()).toBe(states['order']?.(5));

  const head = await ask('/orders/o5', { method: 'HEAD' });
  expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, '"1"', '']);
});

test('gives a composed document with its parts in order and its lookup', async () => {
  const answer = await ask('/order-history/o1');
  expect(answer.headers.get('etag')).toMatch(/^"1-[0-9a-f]{16}\.1"$/);
  expect(await answer.text()).toBe(
    `${states['order']?.(1).slice(0, -1)},"payments":[{"id":"p0","orderId":"o1"},{"id":"p1","orderId":"o1"},{"id":"p2","orderId":"o1"}],"shipment":null,"customer":{"id":"c1", "name":"Ödön"}}`,
  );
});

test.each(['/orders/o5', '/order-history/o1'])(
  'answers 304 for what the client has of %s',
  async (path) => {
    const etag = (await ask(path)).headers.get('etag') ?? '';
    for (const named of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await ask(path, { headers: { 'if-none-match': named } });
      expect([again.status, again.headers.get('etag'), await again.text()]).toEqual([
        304,
        etag,
        '',
      ]);
    }
    expect((await ask(path, { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  },
);

test('pages through a list, every document once and in order', async () => {
  const seen: { id: string; placedAt: number; total: number }[] = [];
  let next: string | null = '';
  while (next !== null) {
    const after: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
    const answer = await ask(`/orders?customerId=c1&order=-placedAt,total&limit=7${after}`);
    expect(answer.status).toBe(200);
    const page = (await answer.json()) as { items: typeof seen; next: string | null };
    expect(page.items.length).toBeLessThanOrEqual(7);
    seen.push(...page.items);
    next = page.next;
  }
  const expected = seen.toSorted((a, b) => b.placedAt - a.placedAt || a.total - b.total);
  expect(seen.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
  expect(new Set(seen.map(({ id }) => id)).size).toBe(ordersMax / 2);
});

test('gives 50 documents of a list unless told otherwise, and an empty page for values that nothing has', async () => {
  const page = (await (await ask('/orders')).json()) as { items: unknown[]; next: string };
  expect([page.items.length, typeof page.next]).toEqual([50, 'string']);
  expect(await (await ask('/orders?customerId=nobody')).json()).toEqual({ items: [], next: null });
});

test.each([
  ['/orders/none', 404, 'not-found', /no document "none"/],
  ['/orders/a/b', 404, 'not-found', /%2F/],
  ['/nothing/o1', 404, 'unknown-view', /the views are \/orders, \/order-history/],
  ['/', 404, 'unknown-view', /the views are/],
  ['/orders/%E0%A4%A', 400, 'malformed-request', /valid url component/],
  [
    '/orders?total=1',
    400,
    'malformed-query',
    /by total.*offers \/orders\?customerId=…&order=-placedAt,total and/,
  ],
  ['/orders?customerId=c1&order=total', 400, 'malformed-query', /in the order "total"/],
  [
    '/orders?customerId=c1&customerId=c2',
    400,
    'malformed-query',
    /customerId is given more than once/,
  ],
  ['/orders?limit=0', 400, 'malformed-query', /from 1 to 500/],
  ['/orders?limit=501', 400, 'malformed-query', /from 1 to 500/],
  ['/orders?after=bm9uc2Vuc2U', 400, 'malformed-query', /begin without "after"/],
])('says what is wrong with %s', async (path, code, problem, detail) => {
  expect(await problemOf(ask(path))).toMatchObject({
    status: code,
    type: `urn:cqrs:problem:${problem}`,
    detail: expect.stringMatching(detail) as string,
  });
});

test('refuses to be written to', async () => {
  const answer = ask('/orders/o1', { method: 'DELETE' });
  expect(await problemOf(answer)).toMatchObject({ type: 'urn:cqrs:problem:method-not-allowed' });
  expect((await answer).headers.get('allow')).toBe('GET, HEAD');
});

test('refuses a cursor of another list', async () => {
  const page = (await (await ask('/orders?limit=1')).json()) as { next: string };
  expect(await problemOf(ask(`/orders?customerId=c1&after=${page.next}`))).toMatchObject({
    status: 400,
  });
});

test('counts reads, and nothing else', async () => {
  const before = await status();
  await Promise.all([ask('/orders/o1'), ask('/orders/none'), ask('/orders?customerId=c1')]);
  await Promise.all([ask('/orders?total=1'), ask('/nothing'), fetch(`${query.ops}/metrics`)]);
  const after = await status();
  expect(after).toMatchObject({
    bootId: before.bootId,
    readsServed: before.readsServed + 3,
    readsRefused: before.readsRefused,
    error: null,
  });
});

test('answers 503 at once while Redis is away, and serves again when it is back', async () => {
  await redis.kill();
  await expect.poll(async () => (await ask('/orders/o1')).status, patience).toBe(503);
  const startedMs = performance.now();
  const answer = ask('/orders/o1');
  expect(await problemOf(answer)).toMatchObject({ type: 'urn:cqrs:problem:store-unavailable' });
  expect((await answer).headers.get('retry-after')).toBe('1');
  expect((await ask('/orders')).status).toBe(503);
  expect(performance.now() - startedMs).toBeLessThan(500);
  expect((await fetch(`${query.ops}/readyz`)).status).toBe(200);
  expect((await status()).error).not.toBeNull();

  await redis.start();
  await expect.poll(async () => (await ask('/orders/o1')).status, patience).toBe(200);
  await expect.poll(async () => (await status()).error, patience).toBeNull();
});

test('bounds what waits for a Redis that hangs: the rest is refused at once', async () => {
  const before = await status();
  redis.pause();
  onTestFinished(() => redis.resume());
  const codes = new Map<string, number>();
  const startedMs = performance.now();
  const answers = Array.from({ length: 100 }, async () => {
    const { type } = await problemOf(ask('/orders'));
    const kind = `${String(type)} ${performance.now() - startedMs < 900 ? 'at once' : 'late'}`;
    codes.set(kind, (codes.get(kind) ?? 0) + 1);
  });
  await Promise.all(answers);
  expect(Object.fromEntries(codes)).toEqual({
    'urn:cqrs:problem:overloaded at once': 36,
    'urn:cqrs:problem:store-unavailable late': 64,
  });
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  expect(await status()).toMatchObject({
    readsServed: before.readsServed,
    readsRefused: before.readsRefused + 100,
  });

  redis.resume();
  await expect.poll(async () => (await ask('/orders/o1')).status, patience).toBe(200);
});

/** One client with connections of its own that it keeps, and that never asks twice. */
async function keepAsking(
  own: TestService,
  until: () => boolean,
): Promise<{ asked: number; failed: unknown[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const failed: unknown[] = [];
  let asked = 0;
  const one = async (path: string): Promise<void> => {
    while (!until()) {
      asked += 1;
      try {
        const request = get(own.http + path, { agent });
        const [answer] = (await once(request, 'response')) as [IncomingMessage];
        answer.resume();
        await once(answer, 'end');
        if (answer.statusCode !== 200) failed.push(answer.statusCode);
      } catch (error) {
        failed.push(error);
      }
      await delay(2);
    }
  };
  const paths = [
    '/orders/o1',
    '/order-history/o1',
    '/orders?customerId=c1',
    '/orders?key=o1&key=o2',
  ];
  await Promise.all(paths.map(one));
  agent.destroy();
  return { asked, failed };
}

test('closes a kept connection after its age, so that clients find new replicas', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const startedMs = performance.now();
  let closed = false;
  while (!closed && performance.now() - startedMs < 12_000) {
    const request = get(`${query.http}/orders/o1`, { agent });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    answer.resume();
    await once(answer, 'end');
    closed = answer.headers.connection === 'close';
    await delay(50);
  }
  agent.destroy();
  expect(closed).toBe(true);
  expect(performance.now() - startedMs).toBeGreaterThan(3_500);
});

test('stops without failing a request: not ready at once, and serving until nobody comes', async () => {
  const own = await startQuery();
  onTestFinished(async () => own.kill());
  let stopped = false;
  // Clients stop coming before the drain period ends, as they do once Kubernetes has taken the pod out of its Service.
  const load = keepAsking(own, () => stopped);
  await delay(300);
  const exit = own.stop();
  await expect.poll(async () => (await fetch(`${own.ops}/readyz`)).status, patience).toBe(503);
  const late = await fetch(`${own.http}/orders/o1`);
  expect([late.status, late.headers.get('connection')]).toEqual([200, 'close']);
  await delay(3_000);
  stopped = true;
  const { asked, failed } = await load;
  expect(failed).toEqual([]);
  expect(asked).toBeGreaterThan(100);
  expect(await exit).toBe(0);
});
