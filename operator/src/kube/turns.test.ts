import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

/** A clock whose tasks are run by hand. */
function handClock() {
  const tasks = new Set<() => void>();
  return {
    tasks,
    schedule(_delayMs: number, task: () => void) {
      tasks.add(task);
      return () => void tasks.delete(task);
    },
  };
}

const turnsOf = (underWayMax: number, clock = handClock()): Turns =>
  new Turns({ underWayMax, turnMsMax: 1000, clock });

test('no more than the bound are under way, in the order in which they came', async () => {
  const turns = turnsOf(2);
  const begun: number[] = [];
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const all = gates.map((gate, number) =>
    turns.take(async () => {
      begun.push(number);
      await gate.promise;
    }),
  );
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  gates[1]?.resolve();
  await all[1];
  await Promise.resolve();
  expect(begun).toEqual([0, 1, 2]);
  gates.forEach((gate) => gate.resolve());
  await Promise.all(all);
  expect(begun).toEqual([0, 1, 2, 3]);
});

test('work that fails gives its turn on', async () => {
  const turns = turnsOf(1);
  const failing = turns.take(() => Promise.reject(new Error('broken')));
  const next = turns.take(() => Promise.resolve('done'));
  await expect(failing).rejects.toThrow('broken');
  expect(await next).toBe('done');
});

test('work that takes too long gives its turn on once, and is still waited for', async () => {
  const clock = handClock();
  const turns = turnsOf(1, clock);
  const gate = Promise.withResolvers<string>();
  const hanging = turns.take(() => gate.promise);
  const begun: number[] = [];
  const next = [1, 2].map((number) =>
    turns.take(async () => {
      begun.push(number);
      await gate.promise;
    }),
  );
  await Promise.resolve();
  expect(begun).toEqual([]);
  clock.tasks.forEach((task) => task());
  await Promise.resolve();
  expect(begun).toEqual([1]);
  gate.resolve('done');
  expect(await hanging).toBe('done');
  await Promise.all(next);
  expect(begun).toEqual([1, 2]);
  expect(clock.tasks.size).toBe(0);
});
