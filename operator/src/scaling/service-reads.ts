import { firstFloor, nextFloor, type Floor, type ReadScaling } from './floor.ts';
import { nextPoll, pollSpacingMs, type Poll } from './polling.ts';
import {
  emptyRateWindow,
  followReady,
  observe,
  prune,
  ratesOf,
  type RatesOutcome,
  type RateWindow,
  type ReadSample,
} from './rate-window.ts';

/** What is known of the reads of one service, and the floor that follows from it. Time is an argument, in milliseconds. */
export type ServiceReads = {
  readonly scaling: ReadScaling;
  readonly window: RateWindow;
  /** Names of its ready query pods. */
  readonly ready: ReadonlySet<string>;
  readonly floor: Floor;
};

/** Of a service that is seen for the first time; `liveFloor` is what its HPA was last given, 0 without one. */
export function firstReads(scaling: ReadScaling, liveFloor: number, nowMs: number): ServiceReads {
  const floor = firstFloor(liveFloor, scaling, nowMs);
  return { scaling, floor, window: emptyRateWindow, ready: new Set() };
}

/** Takes in what the cluster says. */
export function follow(
  reads: ServiceReads,
  scaling: ReadScaling,
  ready: ReadonlySet<string>,
  nowMs: number,
): ServiceReads {
  return { ...reads, scaling, ready, window: followReady(reads.window, ready, nowMs) };
}

/** Takes in what a pod says. */
export function hear(reads: ServiceReads, sample: ReadSample): ServiceReads {
  return { ...reads, window: observe(reads.window, sample) };
}

/** What follows now; looks at every pod, so it is for all that was heard since the last time. */
export function reckon(
  reads: ServiceReads,
  nowMs: number,
): { readonly reads: ServiceReads; readonly found: RatesOutcome } {
  const found = ratesOf(reads.window, reads.ready, nowMs);
  const rates = found.outcome === 'rates' ? found.rates : undefined;
  return { reads: { ...reads, floor: nextFloor(reads.floor, reads.scaling, rates, nowMs) }, found };
}

/** Forgets what no window holds. */
export function forgetOld(reads: ServiceReads, nowMs: number): ServiceReads {
  return { ...reads, window: prune(reads.window, reads.ready, nowMs) };
}

/** A poll of one pod that has ended, with an answer or without. */
export type EndedPoll = {
  readonly pod: string;
  readonly startedMs: number;
  readonly endedMs: number;
};

/** When and how that pod is polled next. */
export function pollAfter(
  { pod, startedMs, endedMs }: EndedPoll,
  { scaling, window }: ServiceReads,
  found: RatesOutcome,
  nowMs: number,
): { readonly dueMs: number; readonly hold: Poll['hold'] } {
  const { everyMs, hold } = nextPoll({ window, scaling, found }, pod, nowMs);
  return { dueMs: Math.max(startedMs + everyMs, endedMs + pollSpacingMs), hold };
}
