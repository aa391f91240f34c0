import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inTurn, lastInTurn } from './in-turn.ts';

type Begun = { readonly request: IncomingMessage; readonly response: ServerResponse };
let server: Server;
let socket: Socket;
let arrived: number;
let begun: Begun[];
const patience = { timeout: 5_000, interval: 5 };
const paths = (): (string | undefined)[] => begun.map(({ request }) => request.url);
const requests = (...names: readonly string[]): string =>
  names.map((name) => `GET /${name} HTTP/1.1\r\nHost: x\r\n\r\n`).join('');

beforeEach(async () => {
  [arrived, begun] = [0, []];
  server = createServer((request, response) => {
    arrived += 1;
    inTurn(request, response, () => begun.push({ request, response }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1').resume();
  socket.on('error', () => undefined);
});

afterEach(() => {
  socket.destroy();
  server.closeAllConnections();
  server.close();
});

test('a request begins when the one before it is answered', async () => {
  socket.write(requests('a', 'b', 'c'));
  await expect.poll(() => arrived, patience).toBe(3);
  expect(paths()).toEqual(['/a']);
  begun[0]?.response.end();
  await expect.poll(paths, patience).toEqual(['/a', '/b']);
  begun[1]?.response.end();
  await expect.poll(paths, patience).toEqual(['/a', '/b', '/c']);
});

test('an answer that nobody reads keeps the next request from beginning', async () => {
  socket.pause().write(requests('a', 'b'));
  await expect.poll(() => arrived, patience).toBe(2);
  begun[0]?.response.end(Buffer.alloc(32 * 1_048_576));
  for (let turn = 0; turn < 100; turn += 1) await setImmediate();
  expect(begun[0]?.response.writableLength).toBeGreaterThan(0);
  expect(paths()).toEqual(['/a']);
  socket.resume();
  await expect.poll(paths, patience).toEqual(['/a', '/b']);
});

test('a client that sends more than may wait is cut off', async () => {
  socket.write(requests(...Array.from({ length: 66 }, (_, place) => `${place}`)));
  await once(socket, 'close');
  expect(paths()).toEqual(['/0']);
});

test('what comes behind the last request of a connection ends it, before and after', async () => {
  socket.write(requests('stream'));
  await expect.poll(paths, patience).toEqual(['/stream']);
  expect(begun.map(({ request }) => lastInTurn(request))).toEqual([true]);
  socket.write(requests('late'));
  await once(socket, 'close');

  begun = [];
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1').resume();
  socket.write(requests('stream', 'waiting'));
  await expect.poll(() => arrived, patience).toBe(4);
  expect(begun.map(({ request }) => lastInTurn(request))).toEqual([false]);
  await once(socket, 'close');
});
