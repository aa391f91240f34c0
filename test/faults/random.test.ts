import { expect, test } from 'vitest';
import { createRandom, seedFor, shuffled } from './random.ts';

const draw = (seed: number): readonly number[] => {
  const random = createRandom(seed);
  return Array.from({ length: 1_000 }, () => random.integer(1, 6));
};

test('a seed gives the same numbers again, and another seed gives others', () => {
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
});

test('every number between the bounds comes about equally often', () => {
  const counts = new Map<number, number>();
  for (const number of draw(1)) counts.set(number, (counts.get(number) ?? 0) + 1);
  expect([...counts.keys()].toSorted((one, other) => one - other)).toEqual([1, 2, 3, 4, 5, 6]);
  for (const count of counts.values()) expect(count).toBeGreaterThan(120);
});

test('parts of a run have seeds of their own', () => {
  expect(seedFor(1, 'faults')).toBe(seedFor(1, 'faults'));
  expect(new Set([seedFor(1, 'a'), seedFor(1, 'b'), seedFor(2, 'a')]).size).toBe(3);
});

test('shuffling keeps every item', () => {
  const list = Array.from({ length: 20 }, (_, place) => place);
  const mixed = shuffled(createRandom(3), list);
  expect(mixed).not.toEqual(list);
  expect(mixed.toSorted((one, other) => one - other)).toEqual(list);
});
