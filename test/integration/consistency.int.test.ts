/** Reads with consistency tokens, at a real Redis that the projector's own writer fills. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ViewConfig } from '@cqrs/contract/config.ts';
import { signToken, tokenKeys, type TokenEntry } from '@cqrs/contract/consistency-token.ts';
import { readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import assert from 'node:assert/strict';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startService, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { composedView, plainView, service } from '../support/view-model.ts';
import { feedView, type ViewFeed } from '../support/view-feed.ts';

const keyText = randomBytes(32).toString('base64');
const key = tokenKeys({ CQRS_TOKEN_KEY: keyText });
assert(key !== null);
const patience = { timeout: 15_000, interval: 20 };
/** More than everything here takes but the second after which a waiter looks by itself. */
const wokenMsMax = 900;

let redis: TestRedis;
let query: TestService;
let orders: ViewFeed;
let history: ViewFeed;
let recent: ViewFeed;
/** Of a topic that does not keep everything. */
const recentView: ViewConfig = {
  ...plainView,
  name: 'recent-orders',
  poison: 'dead-letter',
  sources: plainView.sources.map((source) => ({ ...source, gapless: false })),
};
const views = [plainView, composedView, recentView];

beforeAll(async () => {
  redis = await startRedis();
  orders = await feedView(redis.client, service, plainView);
  history = await feedView(redis.client, service, { ...composedView, poison: 'dead-letter' });
  recent = await feedView(redis.client, service, recentView);
  query = await startQuery();
});

afterAll(async () => {
  await query.kill();
  await redis.stop();
});

async function startQuery(token: string = keyText): Promise<TestService> {
  const started = await startService({
    program: 'query',
    config: { service, views },
    env: { ...redis.env, CQRS_TOKEN_KEY: token },
  });
  await started.ready();
  return started;
}

const topics = {
  order: 'test.shop.order',
  payment: 'test.payments.payment',
  customer: 'test.customers.customer',
} as const;

const written = (aggregate: keyof typeof topics, id: string, version: number): TokenEntry => ({
  topic: topics[aggregate],
  id,
  version,
});
const tokenFor = (...entries: TokenEntry[]): string => signToken(key, entries);

const orderState = (id: string, total: number): string =>
  JSON.stringify({ id, customerId: `c-${id}`, total });
const applyOrder = (feed: ViewFeed, id: string, version: number): Promise<void> =>
  feed.apply('order', [{ id, version, state: orderState(id, version) }]);

type Answered = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
  readonly ms: number;
};

async function ask(
  path: string,
  token: string,
  { prefer, of = query }: { readonly prefer?: string; readonly of?: TestService } = {},
): Promise<Answered> {
  const startedMs = performance.now();
  const answer = await fetch(of.http + path, {
    headers: { 'consistency-token': token, ...(prefer === undefined ? {} : { prefer }) },
  });
  const body = (await answer.json()) as Record<string, unknown>;
  const ms = performance.now() - startedMs;
  return { status: answer.status, headers: answer.headers, body, ms };
}

/** Reads that wait now, as the metrics say. */
async function waitingAt(of: TestService): Promise<number> {
  return metric('cqrs_query_consistency_waiting', of);
}

async function metric(name: string, of = query): Promise<number> {
  const text = await (await fetch(`${of.ops}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

const waiting = (): Promise<number> => waitingAt(query);
const pending = (): Promise<number> => metric('cqrs_query_reads_pending{kind="documents"}');

test('a document that is not there yet is waited for, and so is its next version', async () => {
  const first = ask('/orders/w1', tokenFor(written('order', 'w1', 1)), { prefer: 'wait=10' });
  await expect.poll(waiting, patience).toBe(1);
  await applyOrder(orders, 'w1', 1);
  const answer = await first;
  expect(answer).toMatchObject({ status: 200, body: { id: 'w1', total: 1 } });

  const token = tokenFor(written('order', 'w1', 2));
  const second = ask('/orders/w1', token, { prefer: 'wait=10, handling=strict' });
  await expect.poll(waiting, patience).toBe(1);
  await applyOrder(orders, 'w1', 2);
  const { status, headers, body } = await second;
  expect([status, body['total']]).toEqual([200, 2]);
  expect(headers.get('consistency-token')).toBe(token);
  expect(headers.get('preference-applied')).toBe('wait=10, handling=strict');
  expect(headers.get('consistency-status')).toBeNull();
  expect(headers.get('cache-control')).toBe('private, no-cache');
  expect(headers.get('vary')).toMatch(/consistency-token, prefer/);
});

test('a list waits for what stands in it', async () => {
  const page = ask('/orders?customerId=c-w2', tokenFor(written('order', 'w2', 1)));
  await expect.poll(waiting, patience).toBe(1);
  await applyOrder(orders, 'w2', 1);
  expect(await page).toMatchObject({ status: 200, body: { items: [{ id: 'w2' }] } });
});

test('several documents by key are waited for together', async () => {
  const token = tokenFor(written('order', 'k1', 1), written('order', 'k2', 1));
  const both = ask('/orders?key=k1&key=k2', token, { prefer: 'wait=10' });
  await expect.poll(waiting, patience).toBe(1);
  await applyOrder(orders, 'k2', 1);
  await applyOrder(orders, 'k1', 1);
  expect(await both).toMatchObject({ status: 200, body: { items: [{ id: 'k1' }, { id: 'k2' }] } });
});

test('a composed document waits for its root, its parts and its lookup, and for nothing else', async () => {
  const token = tokenFor(
    written('payment', 'p1', 1),
    written('customer', 'c-h1', 1),
    written('order', 'h1', 1),
    { topic: 'elsewhere.other.thing', id: 'x', version: 9 },
  );
  const answered = ask('/order-history/h1', token, { prefer: 'wait=10' });
  const payment = { id: 'p1', orderId: 'h1' };
  await expect.poll(waiting, patience).toBe(1);
  await history.apply('payment', [{ id: 'p1', version: 1, state: JSON.stringify(payment) }]);
  await applyOrder(history, 'h1', 1);
  expect(await waiting()).toBe(1);
  await history.apply('customer', [{ id: 'c-h1', version: 1, state: '{"name":"Ada"}' }]);
  const { status, body, ms } = await answered;
  expect([status, body['payments'], body['customer']]).toEqual([200, [payment], { name: 'Ada' }]);
  expect(ms).toBeLessThan(5_000);
});

test('a deletion is seen: the document is gone and not older', async () => {
  await applyOrder(orders, 'gone', 1);
  const answered = ask('/orders/gone', tokenFor(written('order', 'gone', 2)));
  await expect.poll(waiting, patience).toBe(1);
  await orders.apply('order', [{ id: 'gone', version: 2, state: null }]);
  expect(await answered).toMatchObject({ status: 404 });
});

test('nobody waits for what is there, or for what the view has no part in', async () => {
  await applyOrder(orders, 'there', 1);
  const there = tokenFor(written('order', 'there', 1), written('customer', 'nobody', 4));
  for (const path of ['/orders/there', '/orders?customerId=c-there', '/orders?key=there']) {
    const { status, ms } = await ask(path, there);
    expect([path, status]).toEqual([path, 200]);
    expect(ms).toBeLessThan(wokenMsMax);
  }
});

test.each(['/orders/late', '/orders?customerId=c-late', '/orders?key=late'])(
  '%s is refused after the time asked for, or given as stale',
  async (path) => {
    await applyOrder(orders, 'late', 1);
    const token = tokenFor(written('order', 'late', 2));
    const strict = await ask(path, token, { prefer: 'wait=1' });
    expect(strict).toMatchObject({
      status: 504,
      body: {
        type: 'urn:cqrs:problem:consistency-timeout',
        detail: expect.stringMatching(
          /version 2 of "late" \(test\.shop\.order\), the view orders has version 1; waited 1 s/,
        ) as string,
      },
    });
    expect(strict.headers.get('retry-after')).toBe('1');
    expect(strict.headers.get('cache-control')).toBe('no-store');
    expect(strict.ms).toBeGreaterThanOrEqual(990);
    expect(strict.ms).toBeLessThan(1_900);

    const lenient = await ask(path, token, { prefer: 'wait=1, handling=lenient' });
    expect(lenient.status).toBe(200);
    expect(lenient.headers.get('consistency-status')).toBe('stale');
    expect(lenient.headers.get('cache-control')).toBe('no-store');
    expect(lenient.ms).toBeGreaterThanOrEqual(990);
  },
);

/** JSON that no event's state is, so that its event cannot be applied. */
const poison = '7';

test.each([
  ['stuck-1', '/orders/stuck-1'],
  ['stuck-2', '/orders?customerId=c-stuck-2'],
  ['stuck-3', '/orders?key=stuck-3'],
])('of %s, whose key is halted, %s says so at once', async (id, path) => {
  await orders.apply('order', [
    { id, version: 1, state: orderState(id, 1) },
    { id, version: 2, state: poison },
  ]);
  const token = tokenFor(written('order', id, 2));
  const strict = await ask(path, token, { prefer: 'wait=10' });
  expect(strict).toMatchObject({
    status: 503,
    body: {
      type: 'urn:cqrs:problem:view-halted',
      detail: expect.stringMatching(
        /has version 1 until the event at offset \d+ of test\.shop\.order:0 is retried.*retry-halted\.ts --view orders --key stuck-\d/,
      ) as string,
    },
  });
  expect(strict.ms).toBeLessThan(wokenMsMax);
  expect((await ask(path, token, { prefer: 'wait=0' })).status).toBe(503);
  const lenient = await ask(path, token, { prefer: 'wait=10, handling=lenient' });
  expect([lenient.status, lenient.headers.get('consistency-status')]).toEqual([200, 'stale']);
  expect(lenient.ms).toBeLessThan(wokenMsMax);
});

test('a key that halts while its version is awaited ends the wait with the next look', async () => {
  const token = tokenFor(written('order', 'sticks', 1));
  const answered = ask('/orders/sticks', token, { prefer: 'wait=10' });
  await expect.poll(waiting, patience).toBe(1);
  await orders.apply('order', [{ id: 'sticks', version: 1, state: poison }]);
  const { status, ms } = await answered;
  expect(status).toBe(503);
  expect(ms).toBeLessThan(4_000);
});

test('a version whose event is a dead letter is told so at once, until a later one is there', async () => {
  await history.apply('order', [{ id: 'dead', version: 1, state: poison }]);
  const token = tokenFor(written('order', 'dead', 1));
  const strict = await ask('/order-history/dead', token, { prefer: 'wait=10' });
  expect(strict).toMatchObject({
    status: 409,
    body: {
      type: 'urn:cqrs:problem:event-dead-lettered',
      detail: expect.stringContaining('until the aggregate is written again') as string,
    },
  });
  expect(strict.ms).toBeLessThan(wokenMsMax);
  const later = tokenFor(written('order', 'dead', 2));
  const answered = ask('/order-history/dead', later, { prefer: 'wait=10' });
  await expect.poll(waiting, patience).toBe(1);
  await history.apply('order', [{ id: 'dead', version: 2, state: orderState('dead', 2) }]);
  expect((await answered).status).toBe(200);
  expect((await ask('/order-history/dead', token)).status).toBe(200);
});

test('a dead letter of a topic that does not keep everything is told too, and no version but it', async () => {
  const path = '/recent-orders/gone';
  const statusAt = async (version: number): Promise<number> =>
    (await ask(path, tokenFor(written('order', 'gone', version)), { prefer: 'wait=1' })).status;
  await recent.apply('order', [{ id: 'gone', version: 4, state: poison }]);
  const strict = await ask(path, tokenFor(written('order', 'gone', 4)), { prefer: 'wait=10' });
  expect(strict).toMatchObject({
    status: 409,
    body: { type: 'urn:cqrs:problem:event-dead-lettered' },
  });
  expect(strict.ms).toBeLessThan(wokenMsMax);
  await recent.apply('order', [
    { id: 'gone', version: 5, state: poison },
    // Whoever wrote this had a version that nobody knows of.
    { id: 'other', version: 9_000, state: poison },
  ]);
  expect([await statusAt(4), await statusAt(5)]).toEqual([409, 409]);
  expect([await statusAt(3), await statusAt(6)]).toEqual([504, 504]);
  const other = await ask('/recent-orders/other', tokenFor(written('order', 'other', 7)), {
    prefer: 'wait=1',
  });
  expect(other.status).toBe(504);
  await recent.apply('order', [{ id: 'gone', version: 7, state: orderState('gone', 7) }]);
  expect([await statusAt(5), await statusAt(7)]).toEqual([200, 200]);
  await recent.apply('order', [{ id: 'gone', version: 9, state: poison }]);
  expect([await statusAt(7), await statusAt(8), await statusAt(9)]).toEqual([200, 504, 409]);
});

test('a partition that is halted is named where its time is over', async () => {
  const { halted } = readStoreKeys(viewTag(service, plainView));
  onTestFinished(async () => void (await redis.client.del(halted)));
  await redis.client.hset(halted, 'test.shop.order:0', 'CQRS_VERSION_GAP: x');
  const answer = await ask('/orders/never', tokenFor(written('order', 'never', 1)), {
    prefer: 'wait=1',
  });
  expect(answer).toMatchObject({
    status: 504,
    body: { detail: expect.stringContaining('test.shop.order:0 stands still') as string },
  });
});

test('without a wish the wait is two seconds, with wait=0 there is none', async () => {
  const token = tokenFor(written('order', 'never', 1));
  const { status, ms } = await ask('/orders/never', token);
  expect(status).toBe(504);
  expect(ms).toBeGreaterThanOrEqual(1_990);
  const none = await ask('/orders/never', token, { prefer: 'wait=0' });
  expect(none.status).toBe(504);
  expect(none.ms).toBeLessThan(wokenMsMax);
  const lenient = await ask('/orders/never', token, { prefer: 'wait=0, handling=lenient' });
  expect([lenient.status, lenient.headers.get('consistency-status')]).toEqual([404, 'stale']);
});

test('a token that was changed or signed by somebody else is refused, and one of two is enough for that', async () => {
  const right = tokenFor(written('order', 'there', 1));
  const stranger = tokenKeys({ CQRS_TOKEN_KEY: randomBytes(32).toString('base64') });
  assert(stranger !== null);
  const foreign = signToken(stranger, [written('order', 'there', 1)]);
  for (const token of [foreign, right.slice(1), `${right},x`, 'nonsense']) {
    const { status, body } = await ask('/orders/there', token);
    expect([status, body['type']]).toEqual([400, 'urn:cqrs:problem:malformed-token']);
  }
  expect((await ask('/orders/there', `${right}, ${right}`)).status).toBe(200);
});

test('a service without a key says that tokens are not set up', async () => {
  const own = await startQuery('');
  onTestFinished(() => own.kill());
  const { status, body } = await ask('/orders/there', 'AAAA', { of: own });
  expect([status, body['detail']]).toEqual([400, expect.stringContaining('not set up')]);
});

test('no wake-up is lost, whenever the change comes', async () => {
  const slow: number[] = [];
  for (let version = 1; version <= 300; version += 1) {
    const token = tokenFor(written('order', 'race', version));
    const applied = delay(Math.random() * 4).then(() => applyOrder(orders, 'race', version));
    const [{ status, body, ms }] = await Promise.all([
      ask('/orders/race', token, { prefer: 'wait=10' }),
      applied,
    ]);
    expect([status, body['total']]).toEqual([200, version]);
    // Later than that only the look after a second would have found it.
    if (ms >= wokenMsMax) slow.push(ms);
  }
  expect(slow).toEqual([]);
});

test('a change that comes while the subscription is down is seen all the same', async () => {
  const token = tokenFor(written('order', 'unheard', 1));
  const answered = ask('/orders/unheard', token, { prefer: 'wait=10' });
  await expect.poll(waiting, patience).toBe(1);
  const killed = redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  const applied = applyOrder(orders, 'unheard', 1);
  expect(await killed).toBeGreaterThan(0);
  await applied;
  const { status, ms } = await answered;
  expect(status).toBe(200);
  expect(ms).toBeLessThan(3_000);
});

test('who waits is bounded: beyond, a read is refused at once', async () => {
  const token = tokenFor(written('order', 'never', 1));
  const answers = await Promise.all(
    Array.from({ length: 1_100 }, () => ask('/orders/never', token, { prefer: 'wait=5' })),
  );
  const count = (status: number): number =>
    answers.filter((answer) => answer.status === status).length;
  expect([count(504), count(503)]).toEqual([1_024, 76]);
  const refused = answers.find(({ status }) => status === 503);
  expect(refused?.body['type']).toBe('urn:cqrs:problem:overloaded');
  expect(refused?.ms).toBeLessThan(4_500);
  expect(await waiting()).toBe(0);
});

test('a client that leaves waits no more', async () => {
  const gone = new AbortController();
  const token = tokenFor(written('order', 'never', 1));
  const headers = { 'consistency-token': token, prefer: 'wait=10' };
  const asked = fetch(`${query.http}/orders/never`, { headers, signal: gone.signal });
  const ended = asked.catch((error: unknown) => error);
  await expect.poll(waiting, patience).toBe(1);
  gone.abort();
  await ended;
  await expect.poll(waiting, { timeout: 3_000, interval: 20 }).toBe(0);
});

test('a client that leaves during the first read does not begin to wait', async () => {
  const token = tokenFor(written('order', 'never', 1));
  const { hostname, port } = new URL(query.http);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const head = `host: x\r\nconsistency-token: ${token}\r\nprefer: wait=10`;
  onTestFinished(() => redis.resume());
  redis.pause();
  socket.write(`GET /orders/never HTTP/1.1\r\n${head}\r\n\r\n`);
  await expect.poll(pending, patience).toBe(1);
  socket.destroy();
  // The process has seen the end of one connection before it answers another that was made later.
  expect(await pending()).toBe(1);
  redis.resume();
  await expect.poll(pending, patience).toBe(0);
  expect(await waiting()).toBe(0);
});

test('a Redis that dies ends every wait at once, and waking works again when it is back', async () => {
  const token = tokenFor(written('order', 'after', 1));
  const waits = ['/orders/after', '/orders?customerId=c-after'].map((path) =>
    ask(path, token, { prefer: 'wait=10' }),
  );
  await expect.poll(waiting, patience).toBe(2);
  const killedMs = performance.now();
  await redis.kill();
  for (const { status, body } of await Promise.all(waits)) {
    expect([status, body['type']]).toEqual([503, 'urn:cqrs:problem:store-unavailable']);
  }
  expect(performance.now() - killedMs).toBeLessThan(3_000);

  await redis.start();
  await expect.poll(async () => (await ask('/orders/there', token)).status, patience).toBe(504);
  const back = ask('/orders/after', token, { prefer: 'wait=10' });
  await expect.poll(waiting, patience).toBe(1);
  await applyOrder(orders, 'after', 1);
  expect(await back).toMatchObject({ status: 200 });
});

test('a Redis that hangs ends every wait, and is waited for no longer than a call may take', async () => {
  const token = tokenFor(written('order', 'hung', 1));
  const hung = ask('/orders/hung', token, { prefer: 'wait=10' });
  await expect.poll(waiting, patience).toBe(1);
  onTestFinished(() => redis.resume());
  redis.pause();
  const { status, ms } = await hung;
  expect(status).toBe(503);
  expect(ms).toBeLessThan(4_000);
  redis.resume();
  await expect
    .poll(async () => (await fetch(`${query.http}/orders/there`)).status, patience)
    .toBe(200);
});

// Seed 102: the client subscribed again by itself when it reconnected, and nobody listened to its refusal.
test('a subscription that fails after a reconnect ends no process, and is made anew', async () => {
  const { client } = redis;
  const subscribed = async (): Promise<boolean> =>
    String(await client.client('LIST')).includes(`ssub=${views.length}`);
  await expect.poll(subscribed, patience).toBe(true);
  onTestFinished(async () => void (await client.call('ACL', 'SETUSER', 'default', '+ssubscribe')));
  await client.call('ACL', 'SETUSER', 'default', '-ssubscribe');
  const killed = await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  expect(killed).toBeGreaterThan(0);
  const refused = async (): Promise<number> => {
    const [, count = '0'] =
      /cmdstat_ssubscribe:.*rejected_calls=(\d+)/.exec(await client.info('commandstats')) ?? [];
    return Number(count);
  };
  await expect.poll(refused, patience).toBeGreaterThan(3);
  expect(query.running()).toBe(true);

  await client.call('ACL', 'SETUSER', 'default', '+ssubscribe');
  await expect.poll(subscribed, patience).toBe(true);
  const token = tokenFor(written('order', 'anew', 1));
  const woken = ask('/orders/anew', token, { prefer: 'wait=10' });
  await expect.poll(waiting, patience).toBe(1);
  await applyOrder(orders, 'anew', 1);
  expect(await woken).toMatchObject({ status: 200 });
});

test('a replica that stops ends every wait at once, and sends its readers on', async () => {
  const own = await startQuery();
  onTestFinished(() => own.kill());
  const token = tokenFor(written('order', 'never', 1));
  const strict = ask('/orders/never', token, { prefer: 'wait=10', of: own });
  const lenient = ask('/orders/never', token, { prefer: 'wait=10, handling=lenient', of: own });
  await expect.poll(() => waitingAt(own), patience).toBe(2);
  const stoppedMs = performance.now();
  const exit = own.stop();
  const { status, headers, body } = await strict;
  expect([status, headers.get('retry-after')]).toEqual([504, '1']);
  expect(body['detail']).toMatch(/this replica stops/);
  expect((await lenient).headers.get('consistency-status')).toBe('stale');
  expect(performance.now() - stoppedMs).toBeLessThan(1_500);
  expect(await exit).toBe(0);
});

test('a view that is not built gives what it has, and says of nothing that it is not there', async () => {
  const keys = readStoreKeys(viewTag(service, plainView));
  await redis.client.del(keys.built);
  onTestFinished(async () => void (await redis.client.set(keys.built, '1')));
  const building = [
    '/orders/unknown',
    '/orders?customerId=c-there',
    '/orders?key=there&key=unknown',
  ];
  for (const path of building) {
    const answer = await fetch(query.http + path);
    expect([path, answer.status, answer.headers.get('retry-after')]).toEqual([path, 503, '5']);
    expect(await answer.json()).toMatchObject({ type: 'urn:cqrs:problem:view-building' });
  }
  expect((await fetch(`${query.http}/orders/there`)).status).toBe(200);

  // A token is worth the wait: the document comes with the events that build the view.
  const token = tokenFor(written('order', 'built', 1));
  const answered = ask('/orders/built', token, { prefer: 'wait=10' });
  await expect.poll(waiting, patience).toBe(1);
  await applyOrder(orders, 'built', 1);
  expect(await answered).toMatchObject({ status: 200 });
});

test('the metrics tell how reads and waits went', async () => {
  const text = await (await fetch(`${query.ops}/metrics`)).text();
  for (const outcome of ['passed', 'late', 'overloaded', 'store-unavailable', 'abandoned']) {
    const line = new RegExp(
      `^cqrs_query_consistency_waits_total\\{outcome="${outcome}"\\} [1-9]`,
      'm',
    );
    expect(text).toMatch(line);
  }
  expect(text).toMatch(/^cqrs_query_store_seconds_bucket\{kind="documents",le="0\.5"\} [1-9]/m);
  expect(text).toMatch(/^cqrs_query_consistency_wait_seconds_count [1-9]/m);
  expect(text).toMatch(/^cqrs_query_reads_total\{[^}]*outcome="consistency-timeout"\} [1-9]/m);
});
