import { expect, it } from 'vitest';
import { retryDelayMs } from './retry-delay.ts';

it('grows with failures and is bounded', () => {
  const delays = [1, 2, 3, 4, 100].map((n) => retryDelayMs('CQRS_PUBLISH_FAILED', n, 1));
  expect(delays).toEqual([100, 200, 400, 800, 5_000]);
  expect(retryDelayMs('CQRS_PUBLISH_FAILED', 1, 0)).toBe(50);
});

it('is steady for a standby, for what others are about to do, and for what only a person can cure', () => {
  expect(retryDelayMs('CQRS_SLOT_BUSY', 50, 0.3)).toBe(500);
  expect(retryDelayMs('CQRS_MIGRATION_PENDING', 50, 0.3)).toBe(500);
  expect(retryDelayMs('CQRS_SLOT_AHEAD', 1, 0.3)).toBe(5_000);
});
