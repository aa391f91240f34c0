import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('no more than the bound are under way, in the order in which they came', async () => {
  const turns = new Turns(2);
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
  const turns = new Turns(1);
  const failing = turns.take(() => Promise.reject(new Error('broken')));
  const next = turns.take(() => Promise.resolve('done'));
  await expect(failing).rejects.toThrow('broken');
  expect(await next).toBe('done');
});
