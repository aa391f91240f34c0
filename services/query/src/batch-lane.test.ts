import { expect, test } from 'vitest';
import { BatchLane } from './batch-lane.ts';

test('asks together what is asked while a batch is under way, and never more than it may', async () => {
  const batches: (readonly string[])[] = [];
  const lane = new BatchLane(3, async (keys: readonly string[]) => {
    batches.push(keys);
    return keys.map((key) => key.toUpperCase());
  });
  const first = ['a', 'b'].map((key) => lane.read(key));
  const rest = first[0]?.then(() =>
    Promise.all(['c', 'd', 'e', 'f', 'a'].map((key) => lane.read(key))),
  );
  expect(await Promise.all(first)).toEqual(['A', 'B']);
  expect(await rest).toEqual(['C', 'D', 'E', 'F', 'A']);
  expect(batches.map((keys) => keys.length).every((length) => length <= 3)).toBe(true);
  expect(batches.flat()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'a']);
});

test('a failure reaches all who wait, and the next are asked anew', async () => {
  let failing = true;
  const lane = new BatchLane(1, async (keys) => {
    if (failing) throw new Error('away');
    return keys;
  });
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((key) => lane.read(key)));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  failing = false;
  expect(await lane.read('d')).toBe('d');
});
