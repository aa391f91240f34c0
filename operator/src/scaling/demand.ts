import {
  rateWindowMs,
  ratesOf,
  silentMsMax,
  type RateWindow,
  type ReadRates,
} from './rate-window.ts';
import type { Measured } from './served-metrics.ts';

/** How many reads a second are asked of a service now. Without a fresh number there is a sentence, never an old number. */
export type ReadDemand =
  | { readonly state: 'fresh'; readonly readsPerSecond: number; readonly atMs: number }
  | { readonly state: 'stale'; readonly message: string }
  | { readonly state: 'unknown'; readonly message: string };

/** A count of n chance arrivals is beyond n - 3 sqrt(n) in all but one of 700 cases (a Poisson count's deviation is sqrt(n)). */
const deviations = 3;

/** The least that the reads of a window, were they only a sample, let one believe of their rate. */
export function certain(perSecond: number, windowMs: number): number {
  const seconds = windowMs / 1000;
  const reads = perSecond * seconds;
  return (reads - deviations * Math.sqrt(reads)) / seconds;
}

/**
 * The value the HPA is given. The fast window shows a rise within two seconds, if it cannot be chance: at few reads
 * its noise alone would add pods and remove them again. The stable one holds a spike that fell between two of the
 * HPA's questions, and lets the number sink no faster than its mean. The HPA's own scale-down stabilisation comes on
 * top (designs/0003-reads-metric.md).
 */
export function readsPerSecond({ fast, stable }: Pick<ReadRates, 'fast' | 'stable'>): number {
  return certain(fast, rateWindowMs.fast) > stable ? fast : stable;
}

/** The demand as an HPA is told it. */
export function measuredReads(demand: ReadDemand): Measured {
  if (demand.state !== 'fresh') return demand;
  const { readsPerSecond: value, atMs } = demand;
  return { state: 'fresh', value, windowSeconds: rateWindowMs.fast / 1000, atMs };
}

/** The demand of a service from what was observed of it and the names of its ready query pods. */
export function demandOf(
  window: RateWindow,
  ready: ReadonlySet<string>,
  nowMs: number,
): ReadDemand {
  const found = ratesOf(window, ready, nowMs);
  switch (found.outcome) {
    case 'rates':
      return {
        state: 'fresh',
        readsPerSecond: readsPerSecond(found.rates),
        atMs: found.rates.atMs,
      };
    case 'too early':
      return { state: 'stale', message: 'Reads are counted since less than a second ago' };
    case 'silent':
      return { state: 'stale', message: silence(found.ready, found.heard) };
  }
}

function silence(ready: number, heard: number): string {
  if (ready === 0) return 'No query pod is ready, so nobody counts reads';
  return `Only ${heard} of ${ready} ready query pods told their reads in the last ${silentMsMax / 1000} s`;
}

/** What a status was last told of a service, and when. */
export type Told = { readonly demand: ReadDemand; readonly atMs: number };

/** At most one change in this time is told per service: a status is for people. */
export const tellIntervalMsMin = 5_000;

const toldRatio = 0.1;

/** Whether a status should hear of the demand: it came, went, or moved by more than a tenth. */
export function worthTelling(told: Told | undefined, demand: ReadDemand, nowMs: number): boolean {
  if (told === undefined) return demand.state === 'fresh';
  if (nowMs - told.atMs < tellIntervalMsMin) return false;
  if (told.demand.state !== 'fresh' || demand.state !== 'fresh') {
    return told.demand.state !== demand.state;
  }
  const before = Math.round(told.demand.readsPerSecond);
  const after = Math.round(demand.readsPerSecond);
  return Math.abs(after - before) > before * toldRatio;
}
