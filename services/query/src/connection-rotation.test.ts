import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { ConnectionRotation } from './connection-rotation.ts';

test('a connection is due after its age, which differs from connection to connection', () => {
  const rotation = new ConnectionRotation();
  const [one, other] = [new Socket(), new Socket()];
  rotation.opened(one, 1_000, 0);
  rotation.opened(other, 1_000, 0.999);
  expect([4_999, 5_000].map((nowMs) => rotation.isDue(one, nowMs))).toEqual([false, true]);
  expect([8_000, 9_000].map((nowMs) => rotation.isDue(other, nowMs))).toEqual([false, true]);
  expect(rotation.isDue(new Socket(), 99_000)).toBe(false);
});
