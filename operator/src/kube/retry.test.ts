import { expect, test } from 'vitest';
import { retryAfterMs, retryDelayMs, type FailedAttempt } from './retry.ts';

const limits = { attemptsMax: 5, retryAfterMsMax: 10_000 };
const first: FailedAttempt = { status: 0, retryAfterMs: 0, repeatable: false, attempts: 1 };

test.each<[string, Partial<FailedAttempt>, number | undefined]>([
  ['429 waits as long as the server asks', { status: 429, retryAfterMs: 3000 }, 3000],
  ['429 waits no longer than the bound', { status: 429, retryAfterMs: 60_000 }, 10_000],
  ['429 without a time waits a second', { status: 429 }, 1000],
  ['503 with a time waits', { status: 503, retryAfterMs: 2000 }, 2000],
  ['503 without a time is final', { status: 503 }, undefined],
  ['the last attempt is final', { status: 429, attempts: 5 }, undefined],
  ['a conflict is final', { status: 409, repeatable: true }, undefined],
  ['a broken connection is tried once more', { repeatable: true }, 0],
  ['but not twice', { repeatable: true, attempts: 2 }, undefined],
  ['and not when repeating could double the effect', {}, undefined],
  ['401 is tried once more with fresh credentials', { status: 401 }, 0],
  ['but not twice with the same', { status: 401, attempts: 2 }, undefined],
])('%s', (_name, failed, delayMs) => {
  expect(retryDelayMs({ ...first, ...failed }, limits)).toBe(delayMs);
});

test('only whole seconds are read from Retry-After', () => {
  expect(['2', undefined, 'Wed, 21 Oct 2026 07:28:00 GMT', '-1'].map(retryAfterMs)).toEqual([
    2000, 0, 0, 0,
  ]);
});
