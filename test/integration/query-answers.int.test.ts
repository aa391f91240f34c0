/** What the query service answers with: many keys, content codings, and pages that stay right while documents move. */
import { once } from 'node:events';
import { get, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { gunzipSync } from 'node:zlib';
import type { QueryStatus } from '@cqrs/contract/ops-status.ts';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startService, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { feedView, type ViewFeed } from '../support/view-feed.ts';
import { plainView, service } from '../support/view-model.ts';

let redis: TestRedis;
let query: TestService;
let feed: ViewFeed;
const versions = new Map<string, number>();

beforeAll(async () => {
  redis = await startRedis();
  feed = await feedView(redis.client, service, plainView);
  query = await startService({
    program: 'query',
    config: { service, views: [plainView] },
    env: redis.env,
  });
  await query.ready();
});

afterAll(async () => {
  await query.kill();
  await redis.stop();
});

async function write(states: Readonly<Record<string, object | null>>): Promise<void> {
  const events = Object.entries(states).map(([id, state]) => {
    const version = (versions.get(id) ?? 0) + 1;
    versions.set(id, version);
    return { id, version, state: state === null ? null : JSON.stringify({ id, ...state }) };
  });
  await feed.apply('order', events);
}

type Answer = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
};

/** As it comes over the wire: fetch would take codings off. */
async function ask(
  path: string,
  headers: OutgoingHttpHeaders = {},
  method = 'GET',
): Promise<Answer> {
  const request = get(query.http + path, { headers, method, agent: false });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) };
}

type Keys = { items: { id: string }[]; missing: string[]; remaining: string[] };

const json = ({ body }: Answer): unknown => JSON.parse(body.toString('utf8'));

test('gives many documents in the order asked for, and says what there is not', async () => {
  await write({ k1: { total: 1 }, 'ö/2': { total: 2 }, k3: { total: 3 } });
  const path = `/orders?key=k3&key=nöne&key=${encodeURIComponent('ö/2')}&key=k1`;
  const before = (await query.status<QueryStatus>()).readsServed;
  const answer = await ask(path);
  expect(json(answer)).toEqual({
    items: [
      { id: 'k3', total: 3 },
      { id: 'ö/2', total: 2 },
      { id: 'k1', total: 1 },
    ],
    missing: ['nöne'],
    remaining: [],
  });
  expect((await query.status<QueryStatus>()).readsServed - before).toBe(4);

  const { etag = '' } = answer.headers;
  expect((await ask(path, { 'if-none-match': etag })).status).toBe(304);
  await write({ k1: { total: 4 } });
  const changed = await ask(path, { 'if-none-match': etag });
  expect([changed.status, changed.headers.etag === etag]).toEqual([200, false]);
});

test.each([
  ['key=a&limit=1', /leave out limit, or key/],
  ['key=a&key=a', /"a" is given more than once/],
  ['key=', /A key is empty/],
  [Array.from({ length: 101 }, (_, n) => `key=${n}`).join('&'), /at most 100/],
])('says what is wrong with ?%s', async (parameters, detail) => {
  const answer = await ask(`/orders?${parameters}`);
  expect(answer.status).toBe(400);
  expect((json(answer) as { detail: string }).detail).toMatch(detail);
});

test('an answer of many keys is bounded, and the rest can be asked for', async () => {
  const filling = 'x'.repeat(100_000);
  const ids = Array.from({ length: 40 }, (_, number) => `large${number}`);
  for (const id of ids) await write({ [id]: { filling } });
  const got: string[] = [];
  let [asked, answers]: [readonly string[], number] = [ids, 0];
  while (asked.length > 0) {
    const answer = await ask(`/orders?${asked.map((id) => `key=${id}`).join('&')}`);
    expect(answer.body.length).toBeLessThan(16 * 100_100 + 10_000);
    const { items, remaining } = json(answer) as Keys;
    got.push(...items.map(({ id }) => id));
    asked = remaining;
    answers += 1;
  }
  expect(got).toEqual(ids);
  expect(answers).toBeGreaterThan(1);
});

test('compresses what is large for whoever takes gzip, under a tag of its own', async () => {
  const filling = 'left at the door '.repeat(1_000);
  await write({ wide: { filling }, narrow: {} });
  const plain = await ask('/orders/wide');
  const gzip = await ask('/orders/wide', { 'accept-encoding': 'br, gzip' });
  expect(plain.headers).not.toHaveProperty('content-encoding');
  expect(gzip.headers).toMatchObject({ 'content-encoding': 'gzip', etag: '"1-gzip"' });
  expect(gzip.headers.vary).toMatch(/\baccept-encoding\b/);
  expect(plain.headers.vary).toBe(gzip.headers.vary);
  expect(gunzipSync(gzip.body)).toEqual(plain.body);
  expect(gzip.body.length).toBeLessThan(plain.body.length / 4);

  const small = await ask('/orders/narrow', { 'accept-encoding': 'gzip' });
  expect(small.headers).not.toHaveProperty('content-encoding');
  const forced = await ask('/orders/narrow', { 'accept-encoding': 'gzip, identity;q=0' });
  expect(gunzipSync(forced.body).toString()).toBe('{"id":"narrow"}');
  expect((await ask('/orders/wide', { 'accept-encoding': 'br, *;q=0' })).status).toBe(406);

  const head = await ask('/orders/wide', { 'accept-encoding': 'gzip' }, 'HEAD');
  expect([head.headers['content-encoding'], head.headers.etag, head.body.length]).toEqual([
    'gzip',
    '"1-gzip"',
    0,
  ]);
});

test.each([
  [{ 'accept-encoding': 'gzip', 'if-none-match': '"1-gzip"' }, 304, '"1-gzip"'],
  [{ 'accept-encoding': 'gzip', 'if-none-match': '"1"' }, 304, '"1"'],
  [{ 'if-none-match': '"1"' }, 304, '"1"'],
  [{ 'if-none-match': '"1-gzip"' }, 200, '"1"'],
  [{ 'accept-encoding': 'gzip', 'if-none-match': '"2", "0-gzip"' }, 200, '"1-gzip"'],
])('%j: %d with the tag %s', async (headers, status, etag) => {
  const filling = 'left at the door '.repeat(1_000);
  if (!versions.has('tagged')) await write({ tagged: { filling } });
  const answer = await ask('/orders/tagged', headers);
  expect([answer.status, answer.headers.etag]).toEqual([status, etag]);
});

test('more than can be compressed at once goes out as it is, and nothing is refused', async () => {
  const filling = Array.from({ length: 40_000 }, (_, number) => number.toString(36)).join(' ');
  await write({ heavy: { filling } });
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => ask('/orders/heavy', { 'accept-encoding': 'gzip' })),
  );
  const codings = answers.map(({ headers }) => headers['content-encoding'] ?? 'identity');
  expect(new Set(codings)).toEqual(new Set(['gzip', 'identity']));
  for (const { body, headers } of answers) {
    const text = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    expect(JSON.parse(text.toString())).toEqual({ id: 'heavy', filling });
  }
});

test('a list has a tag too', async () => {
  await write({ t1: { customerId: 'tags' } });
  const { headers } = await ask('/orders?customerId=tags');
  const again = { 'if-none-match': headers.etag };
  expect((await ask('/orders?customerId=tags', again)).status).toBe(304);
  await write({ t2: { customerId: 'tags' } });
  expect((await ask('/orders?customerId=tags', again)).status).toBe(200);
});

/** One write between two pages: a document comes, goes or moves. */
const disturbance = fc.record({
  id: fc.integer({ min: 0, max: 15 }),
  kind: fc.constantFrom('put', 'delete'),
  placedAt: fc.integer({ min: 0, max: 20 }),
});

test('a walk through pages shows what stayed in place once, whatever comes, goes and moves', async () => {
  let walk = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(disturbance, { maxLength: 6 }), { maxLength: 8 }),
      fc.integer({ min: 1, max: 4 }),
      async (disturbances, limit) => {
        walk += 1;
        const customerId = `walk${walk}`;
        const still = Array.from({ length: 12 }, (_, n) => `still${walk}-${n}`);
        await write(
          Object.fromEntries(still.map((id, n) => [id, { customerId, placedAt: (n * 7) % 20 }])),
        );
        const seen: string[] = [];
        let next: string | null = '';
        for (let page = 0; next !== null; page += 1) {
          const after: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
          const order = 'order=-placedAt,total';
          const path = `/orders?customerId=${customerId}&${order}&limit=${limit}${after}`;
          const answer = json(await ask(path)) as { items: { id: string }[]; next: string | null };
          seen.push(...answer.items.map(({ id }) => id));
          next = answer.next;
          for (const { id, kind, placedAt } of disturbances[page] ?? []) {
            const state = kind === 'put' ? { customerId, placedAt } : null;
            await write({ [`moving${walk}-${id}`]: state });
          }
        }
        const stayed = seen.filter((id) => id.startsWith('still'));
        expect(stayed.toSorted()).toEqual(still.toSorted());
      },
    ),
    { numRuns: 40 },
  );
});
