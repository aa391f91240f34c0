/** Clients that ask for much and read nothing: the query service stays within the memory of its pod, and serves others. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startService, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { feedView } from '../support/view-feed.ts';
import { plainView, service } from '../support/view-model.ts';

/** The limit of the query pod. */
const memoryMiBMax = 256;
/** Of which the garbage of 60 reads of 1 MB at the same moment is much; the answers asked for are 3,600 MB. */
const manyMiBMax = 400;
const patience = { timeout: 15_000, interval: 20 };
let redis: TestRedis;
let query: TestService;
const sockets = new Set<Socket>();

beforeAll(async () => {
  redis = await startRedis();
  const feed = await feedView(redis.client, service, plainView);
  const documents = { small: '', big: 'y'.repeat(1_000_000) };
  for (const [id, filling] of Object.entries(documents)) {
    await feed.apply('order', [{ id, version: 1, state: JSON.stringify({ id, filling }) }]);
  }
  query = await startService({
    program: 'query',
    config: { service, views: [plainView] },
    env: redis.env,
  });
  await query.ready();
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});

afterAll(async () => {
  await query.kill();
  await redis.stop();
});

/** A connection that has sent `text` and reads nothing. */
async function dial(text: string): Promise<Socket> {
  const { hostname, port } = new URL(query.http);
  const socket = connect(Number(port), hostname).pause();
  sockets.add(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

/** However it ends: what is cut off while it sends may see an error first. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()));

const get = (path: string, accept: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nAccept: ${accept}\r\n\r\n`;
const big = get('/orders/big', 'application/json');
const stream = get('/orders/small', 'text/event-stream');

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${query.ops}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

const unreadBytes = (): Promise<number> => metric('cqrs_query_unread_bytes');
const streamsOpen = (): Promise<number> => metric('cqrs_query_streams_open');

/** The most memory that the process ever had. */
async function peakMiB(): Promise<number> {
  const text = await readFile(`/proc/${query.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(text)?.[1]) / 1024;
}

test('one connection that asks for 60 MB and reads nothing costs one answer', async () => {
  await dial(big.repeat(60));
  await expect.poll(unreadBytes, patience).toBeGreaterThan(0);
  expect(await unreadBytes()).toBeLessThan(2_000_000);
  expect(await peakMiB()).toBeLessThan(memoryMiBMax);
});

test('one that asks for more than may wait is cut off', async () => {
  const socket = await dial(big.repeat(300));
  socket.resume();
  await closed(socket);
  await expect.poll(unreadBytes, patience).toBe(0);
});

test('many of them share one bound: others are served, and those that stand still are cut off', async () => {
  await Promise.all(Array.from({ length: 60 }, () => dial(big.repeat(60))));
  await expect.poll(unreadBytes, patience).toBeGreaterThan(31 * 1_048_576);
  expect(await unreadBytes()).toBeLessThanOrEqual(32 * 1_048_576);
  const refused = await fetch(`${query.http}/orders/big`);
  expect([refused.status, await refused.json()]).toMatchObject([
    503,
    { type: 'urn:cqrs:problem:overloaded' },
  ]);
  expect((await fetch(`${query.http}/orders/small`)).status).toBe(200);
  await expect.poll(unreadBytes, { timeout: 50_000, interval: 200 }).toBe(0);
  expect((await fetch(`${query.http}/orders/big`)).status).toBe(200);
  expect(await peakMiB()).toBeLessThan(manyMiBMax);
}, 90_000);

test('a stream has its connection alone: what is pipelined behind it ends both', async () => {
  const many = await dial(stream.repeat(1_000));
  many.resume();
  await closed(many);
  await expect.poll(streamsOpen, patience).toBe(0);

  const one = await dial(stream);
  one.resume();
  await expect.poll(streamsOpen, patience).toBe(1);
  one.write(stream);
  await closed(one);
  await expect.poll(streamsOpen, patience).toBe(0);
});

test('a stream behind large answers that were taken slowly lives as long as every other', async () => {
  const socket = await dial(big.repeat(20) + stream);
  await expect.poll(unreadBytes, patience).toBeGreaterThan(0);
  let end = '';
  socket.on('data', (bytes: Buffer) => {
    end = (end + bytes.toString('latin1')).slice(-1_000);
  });
  socket.resume();
  const beats = (): number => end.split(': still here').length - 1;
  // Heartbeats are 15 s apart, as is what an answer that nobody takes is given.
  await expect
    .poll(() => (socket.destroyed ? -1 : beats()), { timeout: 40_000, interval: 100 })
    .toBe(2);
  expect(socket.destroyed).toBe(false);
}, 60_000);

test('a client that leaves takes its stream along at once', async () => {
  const following = await Promise.all(Array.from({ length: 20 }, () => dial(stream)));
  await expect.poll(streamsOpen, patience).toBe(20);
  for (const socket of following) socket.destroy();
  await expect.poll(streamsOpen, { timeout: 2_000, interval: 20 }).toBe(0);
});
