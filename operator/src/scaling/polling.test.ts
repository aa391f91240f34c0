import { expect, it } from 'vitest';
import type { ReadScaling } from './floor.ts';
import { nextPoll, pollIntervalMs, type Poll } from './polling.ts';
import { emptyRateWindow, followReady, observe, ratesOf, type RateWindow } from './rate-window.ts';

const scaling: ReadScaling = {
  readsPerSecond: 500,
  minReplicas: 1,
  maxReplicas: 8,
  scaleDownMs: 0,
  replicas: 1,
  metric: 'reads',
};
const seconds = (count: number, rate: number): number[] =>
  Array.from({ length: count }, () => rate);

/** How a pod is polled whose rate was the given one in each of the given seconds. */
function pollAfter(rates: readonly number[], changes: Partial<ReadScaling> = {}): Poll {
  let [window, reads, atMs] = [emptyRateWindow, 0, 0];
  window = observe(window, { pod: 'a', bootId: '1', reads, atMs });
  for (const rate of rates.flatMap((perSecond) => [perSecond / 2, perSecond / 2])) {
    reads += rate;
    atMs += 500;
    window = observe(window, { pod: 'a', bootId: '1', reads, atMs });
  }
  const found = ratesOf(window, new Set(['a']), atMs);
  return nextPoll({ window, scaling: { ...scaling, ...changes }, found }, 'a', atMs);
}

const { resting, moving, settling, rising } = pollIntervalMs;

it.each([
  ['at rest', seconds(60, 400), resting],
  ['when load hardly moved', [...seconds(60, 400), ...seconds(2, 410)], resting],
  ['when few read', [...seconds(60, 0), ...seconds(2, 4)], resting],
  ['when load rose', [...seconds(60, 300), ...seconds(2, 500)], moving],
  ['when load fell', [...seconds(60, 400), ...seconds(2, 0)], moving],
  ['when a pod is asked more than it is for', [...seconds(60, 400), ...seconds(1, 700)], rising],
  ['before anything is known', [], moving],
])('a pod is polled %s', (_, rates, everyMs) => {
  expect(pollAfter(rates).everyMs).toBe(everyMs);
});

it('a pod that is asked too much is not looked at more often where no pod can be added', () => {
  const most = { replicas: 8 };
  expect(pollAfter([...seconds(60, 400), ...seconds(1, 700)], most).everyMs).toBe(moving);
});

it('all pods are polled often while reads move to one that has become ready', () => {
  const window = observe(emptyRateWindow, { pod: 'a', bootId: '1', reads: 0, atMs: 0 });
  const before = observe(window, { pod: 'a', bootId: '1', reads: 400, atMs: 2_000 });
  const ready = new Set(['a', 'b']);
  const joined = followReady(followReady(before, new Set(['a']), 0), ready, 2_000);
  const settled = (of: RateWindow, nowMs: number): Poll =>
    nextPoll({ window: of, scaling, found: ratesOf(of, ready, nowMs) }, 'a', nowMs);
  expect(settled(joined, 2_100)).toEqual({ everyMs: settling });
  const later = observe(joined, { pod: 'a', bootId: '1', reads: 500, atMs: 4_000 });
  expect(settled(later, 4_100).everyMs).toBeGreaterThan(settling);
});

it('a pod is to answer early when it was asked as much as it is for, and never for a few reads', () => {
  const { hold } = pollAfter(seconds(60, 400));
  expect(hold).toEqual({ readsBeyond: 60 * 400 + 250, waitMs: resting });
  const small = pollAfter(seconds(60, 4), { readsPerSecond: 5 });
  expect(small.hold).toEqual({ readsBeyond: 60 * 4 + 25, waitMs: resting });
});
