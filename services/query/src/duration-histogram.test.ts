import { expect, test } from 'vitest';
import { DurationHistogram } from './duration-histogram.ts';

test('counts each duration in every bucket that it fits in', () => {
  const histogram = new DurationHistogram();
  for (const ms of [0.1, 0.5, 0.6, 9_999, 20_000]) histogram.note(ms);
  const counts = new Map(histogram.cumulative().map(({ bound, count }) => [bound, count]));
  expect([counts.get(0.0005), counts.get(0.001), counts.get(5), counts.get(10)]).toEqual([
    2, 3, 3, 4,
  ]);
  expect(histogram.count).toBe(5);
  expect(histogram.sumSeconds).toBeCloseTo(30.0002, 5);
});
