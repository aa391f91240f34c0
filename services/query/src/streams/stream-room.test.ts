import { once } from 'node:events';
import {
  createServer,
  get,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi, type Mock } from 'vitest';
import type { EventStream } from './event-stream.ts';
import type { StateEvent } from './state-event.ts';
import { heartbeatMs, StreamRoom } from './stream-room.ts';

const mebibyte = 1024 * 1024;
const patience = { timeout: 5_000, interval: 5 };
let server: Server;
let room: StreamRoom;

beforeEach(async () => {
  room = new StreamRoom();
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

type Opened = {
  readonly raw: ServerResponse;
  readonly stream: EventStream;
  readonly answer: IncomingMessage;
  readonly left: Mock<() => void>;
};

/** A client of the room that came at 0 ms, over a real connection. */
async function open(random = 0): Promise<Opened> {
  const { port } = server.address() as AddressInfo;
  const arrived = once(server, 'request');
  const request = get({ port, host: '127.0.0.1', agent: false });
  request.on('error', () => undefined);
  const [, raw] = (await arrived) as [IncomingMessage, ServerResponse];
  const left = vi.fn<() => void>();
  const stream = await new Promise<EventStream>((resolve) => {
    const follow = (begun: EventStream): (() => void) => {
      resolve(begun);
      return left;
    };
    room.begin(raw, undefined, { random, nowMs: 0, follow });
  });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return { raw, stream, answer, left };
}

/** All that the client reads until its stream ends; throws when that is not in good order. */
async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return text;
}

function stateOf(bytes: number): StateEvent {
  return { id: `"${bytes}"`, bytes: Buffer.alloc(bytes, 'x') };
}

test('a silent stream has a sign of life with every beat, and ends in good order when it is old', async () => {
  const young = await open(0.99);
  const old = await open(0);
  const text = textOf(old.answer);
  for (let nowMs = heartbeatMs; nowMs <= 4 * heartbeatMs; nowMs += heartbeatMs) room.beat(nowMs);
  expect(await text).toBe(`retry: 200\n\n${': still here\n\n'.repeat(3)}`);
  expect(old.left).toHaveBeenCalledOnce();
  expect([room.open, room.ended]).toEqual([1, { left: 0, aged: 1, slow: 0, stopped: 0 }]);
  room.beat(8 * heartbeatMs);
  expect([room.open, room.ended.aged]).toEqual([0, 2]);
  young.answer.destroy();
});

test("a connection is the heartbeat's to judge, and has a bound again once its stream has ended", async () => {
  const { raw, stream } = await open();
  const { socket } = raw;
  expect(socket?.timeout).toBe(0);
  stream.end('aged');
  expect(socket?.timeout).toBe(heartbeatMs);
});

test('no more than 32 MiB wait for slow clients: who would make it more is dropped, the others stay', async () => {
  const held = [await open(), await open(), await open()];
  held.forEach(({ stream }, place) => stream.show(stateOf(10 * mebibyte + place)));
  expect([room.open, room.ended.slow]).toEqual([3, 0]);
  const tooMuch = await open();
  tooMuch.stream.show(stateOf(3 * mebibyte));
  expect(tooMuch.left).toHaveBeenCalledOnce();
  expect([room.open, room.ended.slow]).toEqual([3, 1]);
  await expect(textOf(tooMuch.answer)).rejects.toThrow('aborted');

  // What a client has taken makes room again.
  held[0]?.answer.resume();
  await expect
    .poll(async () => {
      const next = await open();
      next.stream.show(stateOf(3 * mebibyte));
      return next.left.mock.calls.length;
    }, patience)
    .toBe(0);
});

test('what comes next for a slow client is held too, and given back when something newer replaces it', async () => {
  const [growing, other] = [await open(), await open()];
  growing.stream.show(stateOf(10 * mebibyte));
  other.stream.show(stateOf(10 * mebibyte + 1));
  for (let place = 2; place < 9; place += 1) growing.stream.show(stateOf(10 * mebibyte + place));
  expect([room.open, room.ended.slow]).toEqual([2, 0]);
  other.stream.show(stateOf(10 * mebibyte + 9));
  expect([room.open, room.ended.slow]).toEqual([1, 1]);
  expect(other.left).toHaveBeenCalledOnce();

  // Whoever is gone holds nothing, so there is room for the latest state and more.
  growing.answer.resume();
  const text = textOf(growing.answer);
  const late = await open();
  late.stream.show(stateOf(10 * mebibyte + 10));
  expect(late.left).not.toHaveBeenCalled();
  room.close();
  expect((await text).length).toBeGreaterThan(10 * mebibyte);
});

test('an event that many slow clients wait for is held once', async () => {
  const shared = stateOf(10 * mebibyte);
  const followers = [];
  for (let number = 0; number < 8; number += 1) followers.push(await open());
  for (const { stream } of followers) stream.show(shared);
  expect([room.open, room.ended.slow]).toEqual([8, 0]);
});

test('a client that has taken nothing from one beat to the next is dropped', async () => {
  const { stream, left } = await open();
  stream.show(stateOf(10 * mebibyte));
  room.beat(heartbeatMs);
  expect(left).not.toHaveBeenCalled();
  room.beat(2 * heartbeatMs);
  expect(left).toHaveBeenCalledOnce();
  expect(room.ended.slow).toBe(1);
});
