import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextBackoffMs } from './backoff.ts';

const limits = { delayMsMin: 200, delayMsMax: 5000 };
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('the first delay is the minimum, so a single fault costs little', () => {
  expect(nextBackoffMs(0, limits, 0.99)).toBe(200);
});

test('every delay stays between the bounds and below three times the one before', () => {
  fc.assert(
    fc.property(fc.array(random, { minLength: 1, maxLength: 30 }), (rolls) => {
      let previousMs = 0;
      for (const roll of rolls) {
        const delayMs = nextBackoffMs(previousMs, limits, roll);
        expect(delayMs).toBeGreaterThanOrEqual(limits.delayMsMin);
        expect(delayMs).toBeLessThanOrEqual(Math.max(limits.delayMsMin, previousMs * 3));
        expect(delayMs).toBeLessThanOrEqual(limits.delayMsMax);
        previousMs = delayMs;
      }
    }),
  );
});

test('delays of a long outage reach the maximum', () => {
  let delayMs = 0;
  for (let failures = 0; failures < 10; failures += 1)
    delayMs = nextBackoffMs(delayMs, limits, 0.9);
  expect(delayMs).toBe(5000);
});
