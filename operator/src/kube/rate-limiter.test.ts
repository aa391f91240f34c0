import { expect, test } from 'vitest';
import { retryDelayMs, retryRate, TokenBucket } from './rate-limiter.ts';

test('a key waits 5 ms after its first failure and doubles up to 1000 s', () => {
  expect([1, 2, 3, 4].map((failures) => retryDelayMs(failures, retryRate))).toEqual([
    5, 10, 20, 40,
  ]);
  expect([18, 19, 2000].map((failures) => retryDelayMs(failures, retryRate))).toEqual([
    655_360, 1_000_000, 1_000_000,
  ]);
});

test('the bucket gives its burst at once, then one token a tenth of a second, in turn', () => {
  const bucket = new TokenBucket(10, 100, 0);
  for (let token = 0; token < 100; token += 1) expect(bucket.takeMs(0)).toBe(0);
  expect(bucket.takeMs(0)).toBeCloseTo(100);
  expect(bucket.takeMs(0)).toBeCloseTo(200);
  expect(bucket.takeMs(1000)).toBe(0);
});

test('an idle bucket never holds more than its burst', () => {
  const bucket = new TokenBucket(10, 2, 0);
  expect([1, 2, 3].map(() => bucket.takeMs(3_600_000))).toEqual([0, 0, expect.closeTo(100)]);
});
