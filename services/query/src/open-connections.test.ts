import { once } from 'node:events';
import { connect, createServer, type AddressInfo, Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { OpenConnections } from './open-connections.ts';

test('a connection is due at the look after its age, which differs from connection to connection', () => {
  const connections = new OpenConnections();
  const [one, other] = [new Socket(), new Socket()];
  connections.opened(one, 1_000, 0);
  connections.opened(other, 1_000, 0.999);
  const dueAt = (nowMs: number): readonly boolean[] => {
    connections.look(nowMs);
    return [one, other].map((socket) => connections.isDue(socket));
  };
  expect(dueAt(3_499)).toEqual([false, false]);
  expect(dueAt(3_500)).toEqual([true, false]);
  expect(dueAt(6_000)).toEqual([true, true]);
  expect(connections.isDue(new Socket())).toBe(false);
});

test('a connection on which nothing moves is closed, and each byte puts that off', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  const connections = new OpenConnections();
  connections.opened(socket, 0, 0);
  connections.look(71_000);
  client.write('x');
  await once(socket, 'data');
  connections.look(72_000);
  connections.look(143_999);
  expect(socket.destroyed).toBe(false);
  connections.look(144_000);
  expect(socket.destroyed).toBe(true);
});
