/** What arrives at the query service by bare sockets: odd targets, methods and bodies, failures, spans, and its stop. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import { readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startService, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';
import { feedView } from '../support/view-feed.ts';
import { plainView, service } from '../support/view-model.ts';

const patience = { timeout: 15_000, interval: 20 };
const stateOf = (id: string): string => JSON.stringify({ id, note: 'Ödön' });
/** What a client asks for as `/orders/o?1`, percent-encoded as it must be. */
const oddKeys = ['a/b', 'a b', 'o?1', 'a%2Fb', 'Ö', '#', '..', ';+&='];
let redis: TestRedis;
let collector: TraceCollector;
let query: TestService;

async function startQuery(env: Readonly<Record<string, string>>): Promise<TestService> {
  const config = { service, views: [plainView] };
  const started = await startService({ program: 'query', config, env: { ...redis.env, ...env } });
  await started.ready();
  return started;
}

beforeAll(async () => {
  redis = await startRedis();
  const feed = await feedView(redis.client, service, plainView);
  const events = ['o1', ...oddKeys].map((id) => ({ id, version: 1, state: stateOf(id) }));
  await feed.apply('order', events);
  collector = await startTraceCollector();
  query = await startQuery(collector.env);
});

afterAll(async () => {
  await query.kill();
  await collector.close();
  await redis.stop();
});

async function dial({ http }: TestService): Promise<Socket> {
  const { hostname, port } = new URL(http);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const head = (line: string, ...headers: readonly string[]): string =>
  [`${line} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n');

/** Everything that the service says to `text` until it closes the connection. */
async function saidTo(text: string): Promise<string> {
  const socket = await dial(query);
  let said = '';
  socket.on('data', (chunk: string) => (said += chunk)).write(text);
  await once(socket, 'close');
  return said;
}

async function ask(line: string, ...headers: readonly string[]) {
  const said = await saidTo(head(line, ...headers, 'Connection: close'));
  const headEnd = said.indexOf('\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)/i.exec(said.slice(0, headEnd))?.[1];
  return {
    status: Number(said.slice('HTTP/1.1 '.length).slice(0, 3)),
    length: Number(length),
    body: said.slice(headEnd + 4),
  };
}

test.each(oddKeys)('a document under the key %s', async (key) => {
  expect(await ask(`GET /orders/${encodeURIComponent(key)}`)).toMatchObject({
    status: 200,
    body: stateOf(key),
  });
});

test.each([
  ['/orders/o1?anything=1&else', 200, stateOf('o1')],
  ['/%6Frders/%6F1', 200, stateOf('o1')],
  ['http://elsewhere/orders/o1', 200, stateOf('o1')],
  ['/orders/', 404, 'has no document \\"\\"'],
  [`/orders/${'k'.repeat(10_000)}`, 404, 'has no document \\"kkkk'],
  ['/orders/o1/', 404, '2 segments follow'],
  ['/orders/a/b', 404, '%2F'],
  ['//orders/o1', 404, 'urn:cqrs:problem:unknown-view'],
  ['/Orders/o1', 404, 'urn:cqrs:problem:unknown-view'],
  ['/constructor/o1', 404, 'urn:cqrs:problem:unknown-view'],
  ['/openapi.json/o1', 404, 'urn:cqrs:problem:unknown-view'],
  ['/orders/%', 400, 'urn:cqrs:problem:malformed-request'],
  ['/orders?limit=1&limit=2', 400, 'more than once'],
])('GET %s', async (target, status, what) => {
  const answer = await ask(`GET ${target}`);
  expect(answer.status).toBe(status);
  expect(answer.body).toContain(what);
  expect(answer.length).toBe(Buffer.byteLength(answer.body));
});

test.each(['/orders/o1', '/orders', '/orders?key=o1', '/openapi.json', '/orders/none', '/nothing'])(
  'HEAD %s says what GET says, without the body',
  async (target) => {
    const { status, length } = await ask(`GET ${target}`);
    expect(length).toBeGreaterThan(0);
    expect(await ask(`HEAD ${target}`)).toEqual({ status, length, body: '' });
  },
);

test.each([
  ['POST /orders/o1', 405],
  ['OPTIONS /orders', 405],
  ['OPTIONS *', 404],
  ['PUT /nothing/o1', 404],
  ['POST /openapi.json', 404],
])('%s is answered before its body has come', async (line, status) => {
  expect(await ask(line, 'Content-Length: 100000')).toMatchObject({ status });
});

test('a body that nobody asked for is passed over, and what is pipelined behind it is answered', async () => {
  const said = await saidTo(
    [
      `${head('GET /orders/o1', 'Content-Length: 5')}hello`,
      `${head('GET /orders/none', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
      head('GET /orders/%C3%96'),
      head('GET /nothing', 'Connection: close'),
    ].join(''),
  );
  expect(said.match(/HTTP\/1\.1 \d+/g)).toEqual([200, 404, 200, 404].map((s) => `HTTP/1.1 ${s}`));
});

test('what cannot be sent is a problem like any other, and the service goes on', async () => {
  const keys = readStoreKeys(viewTag(service, plainView));
  await redis.client.set(keys.document('broken'), 'no tag\r\n{}\n');
  const answer = await ask('GET /orders/broken');
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
    500,
    { type: 'urn:cqrs:problem:internal-error' },
  ]);
  expect(query.output()).toContain('A request failed');
  expect((await ask('GET /orders/o1')).status).toBe(200);
});

test('every route has its span, and what no route takes has none', async () => {
  await ask('GET /orders/traced');
  await ask('HEAD /orders/o1?traced');
  await ask('GET /nothing/traced');
  await ask('POST /orders/traced');
  await ask('GET /openapi.json');
  const names = (): readonly string[] => collector.spans.map(({ name }) => name);
  // Spans come in the order in which they end, so whatever is to come has come with the last.
  await expect.poll(names, patience).toContain('GET /openapi.json');
  const known = ['GET', 'HEAD'].flatMap((method) =>
    ['/orders/:key', '/orders', '/openapi.json'].map((path) => `${method} ${path}`),
  );
  expect(new Set(names())).toEqual(new Set(known));
  const spans = collector.spans.filter(({ name }) => name === 'GET /orders/:key');
  const codes = spans.map(({ attributes }) => Number(attributes['http.response.status_code']));
  expect(new Set(codes)).toEqual(new Set([200, 404, 500]));
});

test('a stop ends the connections on which nobody asks', async () => {
  const own = await startQuery({});
  onTestFinished(() => own.kill());
  const socket = await dial(own);
  socket.write(head('GET /orders/o1'));
  const [answer] = (await once(socket, 'data')) as [string];
  expect(answer).toMatch(/^HTTP\/1\.1 200 .*Connection: keep-alive/is);
  const closed = once(socket.resume(), 'close');
  expect(await own.stop()).toBe(0);
  await closed;
});

test('a stop waits for no connection on which nobody ever asked', async () => {
  const own = await startQuery({});
  onTestFinished(() => own.kill());
  const closed = once((await dial(own)).resume(), 'close');
  expect(await own.stop()).toBe(0);
  await closed;
});
