import { expect, test } from 'vitest';
import { idleBuilds } from './idle-builds.ts';

const idle = (stamp: string) => ({ stamp, isListenedTo: false });

test('a build is idle from the first look on at which nobody kept it up or listened to it', () => {
  const first = idleBuilds(new Map(), new Map([['a', idle('1')]]), 1_000);
  expect(first).toEqual(new Map([['a', { stamp: '1', sinceMs: 1_000 }]]));
  expect(idleBuilds(first, new Map([['a', idle('1')]]), 2_000)).toEqual(first);
});

test('who keeps it up, or listens, makes it begin anew', () => {
  const first = new Map([['a', { stamp: '1', sinceMs: 1_000 }]]);
  expect(idleBuilds(first, new Map([['a', idle('2')]]), 2_000).get('a')?.sinceMs).toBe(2_000);
  const listened = new Map([['a', { stamp: '1', isListenedTo: true }]]);
  expect(idleBuilds(first, listened, 2_000)).toEqual(new Map());
});

test('the old stamps of a Redis that was rolled back make no build idle for long', () => {
  const dayOld = idle('-86400000');
  expect(idleBuilds(new Map(), new Map([['a', dayOld]]), 5).get('a')?.sinceMs).toBe(5);
});
