import { expect, test } from 'vitest';
import { reachedRateAtMs, recoveredMs, wereQuick, type Read } from './scaling-reads.ts';

const stepAtMs = 10_000;

/** 100 reads a second from 8 s to 20 s; those due from `slowFromMs` on until `slowUntilMs` end late. */
function reads(slowFromMs: number, slowUntilMs: number, late: Partial<Read>): Read[] {
  return Array.from({ length: 1_200 }, (_, number) => {
    const read = { dueAtMs: 8_000 + number * 10, latencyMs: 3, status: 200 };
    const isLate = read.dueAtMs >= slowFromMs && read.dueAtMs < slowUntilMs;
    return isLate ? { ...read, ...late } : read;
  });
}

test('reads that were never slow had nothing to recover from', () => {
  expect(recoveredMs(reads(0, 0, {}), stepAtMs, 19_000)).toBe(0);
});

test.each([
  ['slow', { latencyMs: 50 }],
  ['refused at once', { status: 503 }],
  ['without an answer', { status: 0 }],
])('reads that are %s for two seconds spoil the second after them too', (_, late) => {
  const recovered = recoveredMs(reads(stepAtMs, 12_000, late), stepAtMs, 19_000);
  expect(recovered).toBeGreaterThanOrEqual(2_900);
  expect(recovered).toBeLessThanOrEqual(3_050);
});

test('one slow read of a hundred is within the bound', () => {
  expect(recoveredMs(reads(11_000, 11_010, { latencyMs: 900 }), stepAtMs, 19_000)).toBe(0);
});

test('what slowed down before the step ended does not count twice', () => {
  expect(recoveredMs(reads(8_000, 8_500, { latencyMs: 900 }), stepAtMs, 19_000)).toBe(0);
});

const calm = { untilMs: 19_000, forMs: 3_000, readsPerSecond: 100 };

test.each([
  ['quick reads at the rate', reads(0, 0, {}), true],
  ['slow ones among them', reads(17_000, 17_030, { latencyMs: 80 }), false],
  ['slow ones before', reads(15_000, 15_900, { latencyMs: 80 }), true],
  ['fewer reads than the rate says', reads(0, 0, {}).slice(0, 1_080), false],
  ['no reads', [], false],
])('calm of %s: %#', (_, given, expected) => {
  expect(wereQuick(given, calm)).toBe(expected);
});

test('a pod reaches a rate when its counter grew by so much within a second, from zero on', () => {
  const counts = [0, 5, 12, 30, 44, 60, 90].map((count, place) => ({
    atMs: 1_000 + place * 250,
    reads: count,
  }));
  expect(reachedRateAtMs(counts, 44)).toBe(2_000);
  expect(reachedRateAtMs(counts, 50)).toBe(2_250);
  expect(reachedRateAtMs(counts, 70)).toBe(2_500);
  expect(reachedRateAtMs(counts, 100)).toBeUndefined();
});
