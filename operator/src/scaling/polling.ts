import type { StatusHold } from '../pods/pod-status.ts';
import type { ReadScaling } from './floor.ts';
import { newestOf, type RatesOutcome, type RateWindow } from './rate-window.ts';

/** How often a pod is polled: at rest, while the load moves, while it moves to new pods, while a burst may be coming in. */
export const pollIntervalMs = { resting: 500, moving: 250, settling: 100, rising: 50 } as const;

/**
 * How long reads move to a pod that has become ready. Windows end at each pod's latest sample, so what the others gave up
 * is counted twice until they are sampled again.
 */
const settleMs = 2_000;

/** Two samples that are closer than this tell little of a rate. */
export const pollSpacingMs = 40;

const movingRatio = 0.1;
// Below this many reads a second a change is noise, not load that moves.
const movingReadsPerSecondMin = 5;
/** A pod that is asked this many times what it is for may be the first to see a burst. */
const risingRatio = 1.2;
/** Fewer reads than this are no news. */
const newsReadsMin = 25;

export type Poll = {
  /** From the start of one poll to the next. */
  readonly everyMs: number;
  /** Lets the pod answer when there is news, so that it need not be asked more often. */
  readonly hold?: StatusHold;
};

/** What is known of the service of a pod. */
type Polled = {
  readonly window: RateWindow;
  readonly scaling: ReadScaling;
  /** Of the whole service, now. */
  readonly found: RatesOutcome;
};

/** How a pod is polled next. */
export function nextPoll({ window, scaling, found }: Polled, pod: string, nowMs: number): Poll {
  const newest = newestOf(window, pod);
  if (found.outcome !== 'rates' || newest === undefined) return { everyMs: pollIntervalMs.moving };
  const mayRise = scaling.replicas < scaling.maxReplicas;
  if (mayRise && newest.perSecond > scaling.readsPerSecond * risingRatio) {
    return { everyMs: pollIntervalMs.rising };
  }
  if ([...window.readySinceMs.values()].some((sinceMs) => nowMs - sinceMs < settleMs)) {
    return { everyMs: pollIntervalMs.settling };
  }
  const { fast, stable } = found.rates;
  const moves = Math.abs(fast - stable) > Math.max(movingReadsPerSecondMin, stable * movingRatio);
  const everyMs = moves ? pollIntervalMs.moving : pollIntervalMs.resting;
  const news = Math.max(newsReadsMin, (scaling.readsPerSecond * everyMs) / 1000);
  return { everyMs, hold: { readsBeyond: newest.reads + Math.ceil(news), waitMs: everyMs } };
}
