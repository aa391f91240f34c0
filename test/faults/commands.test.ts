import { expect, test } from 'vitest';
import { drawCommand, stateAfter, type Command } from './commands.ts';
import { createRandom } from './random.ts';

function drawMany(seed: number): readonly Command[] {
  const random = createRandom(seed);
  return Array.from({ length: 2_000 }, () => drawCommand(random, () => 3));
}

test('a seed gives the same commands again', () => {
  expect(drawMany(5)).toEqual(drawMany(5));
  expect(drawMany(5)).not.toEqual(drawMany(6));
});

test('every method is sent to both services, and only POST leaves the id to the service', () => {
  const commands = drawMany(1);
  const kinds = new Set(commands.map(({ service, method }) => `${service} ${method}`));
  expect(kinds.size).toBe(8);
  for (const { method, id, body, ifMatch } of commands) {
    expect(id === null).toBe(method === 'POST');
    expect(body === null).toBe(method === 'DELETE');
    expect(method === 'POST' && ifMatch !== null).toBe(false);
  }
});

test('payments move between orders', () => {
  const moves = drawMany(2).filter(
    ({ method, body }) => method === 'PATCH' && body !== null && 'orderId' in body,
  );
  expect(new Set(moves.map(({ body }) => body?.['orderId'])).size).toBeGreaterThan(30);
});

test('a state follows from what was there and the command', () => {
  const command: Command = {
    service: 'payments',
    aggregate: 'payment',
    method: 'PATCH',
    id: 'p1',
    body: { orderId: 'o2' },
    ifMatch: null,
  };
  const before = { id: 'p1', orderId: 'o1', amount: 1 };
  expect(stateAfter(command, 'p1', before)).toEqual({ id: 'p1', orderId: 'o2', amount: 1 });
  expect(stateAfter({ ...command, method: 'PUT' }, 'p1', before)).toEqual({
    id: 'p1',
    orderId: 'o2',
  });
  expect(stateAfter({ ...command, method: 'DELETE', body: null }, 'p1', before)).toBeNull();
});
