/** One load step after the other on one Deployment, each from a steady load of one replica. */
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import type { BenchOptions } from './figures.ts';
import type { ReadLoad } from './scaling-load.ts';
import { wereQuick } from './scaling-reads.ts';
import { nowMs, type ScalingWatch, type Watched } from './scaling-watch.ts';

export const replicasMax = 8;
/** Of one replica; low, so that a machine of two cores carries eight times as much with ease. */
export const targetReadsPerSecond = 100;
/** Just what a replica should answer: eight times as much is then beyond the HPA's tolerance with seven of them. */
export const steadyReadsPerSecond = 98;
const stepFactor = 8;
export const stepReadsPerSecond = stepFactor * steadyReadsPerSecond;
/** What the step needs by the target. */
export const replicasNeeded = Math.ceil(stepReadsPerSecond / targetReadsPerSecond);

const calmMs = 3_000;
/** Reads that were due later may not have been told yet. */
const toldMs = 250;
const settleLimits = { timeoutMs: 150_000, periodMs: 100 };
/** How often the HPA controller looks unless something changes. */
const hpaPeriodMs = 15_000;

/** What is scaled, and how a series handles it. */
export type Contestant = {
  /** Where documents are read, their keys left out. */
  readonly url: string;
  readonly watched: Watched;
  readonly setMax: (replicas: number) => Promise<void>;
  /** True when what it scales on shows nothing of before `sinceMs`. */
  readonly isSettled: (sinceMs: number) => Promise<boolean>;
};

/** A contestant under its load, watched. */
export type Stage = {
  readonly contestant: Contestant;
  readonly watch: ScalingWatch;
  readonly load: ReadLoad;
};

export type SeriesOptions = {
  readonly repeats: number;
  /** No further step begins after that; since the epoch. */
  readonly lastStepAtMs: number;
  readonly note: BenchOptions['note'];
};

/** Steps as often as the options say; `observe` gives what it saw of each, from the moment of the step on. */
export async function measureSeries<Seen>(
  stage: Stage,
  { repeats, lastStepAtMs, note }: SeriesOptions,
  observe: (stage: Stage, stepAtMs: number) => Promise<Seen>,
): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  while (seen.length < repeats && nowMs() < lastStepAtMs) {
    await settle(stage);
    // Settling ends at a look of the HPA's. Were every step to follow it at the same distance, that would be measured.
    await delay(((seen.length + 0.5) / repeats) * hpaPeriodMs);
    if (!isSteady(stage)) {
      note('the steady load scaled it: settles once more');
      continue;
    }
    const stepAtMs = await stage.load.setRate(stepReadsPerSecond);
    const one = await observe(stage, stepAtMs);
    seen.push(one);
    note(`${seen.length}/${repeats} ${JSON.stringify(one)}`);
  }
  return seen;
}

/** Back to one pod that answers the steady load quickly, free to scale out, with the last step forgotten. */
async function settle({ contestant, watch, load }: Stage): Promise<void> {
  const steadySinceMs = await load.setRate(steadyReadsPerSecond);
  await contestant.setMax(1);
  await eventually('one pod to be left', settleLimits, () => {
    const pods = watch.pods();
    return watch.bounds()?.max === 1 && pods.length === 1 && pods[0]?.atMs.ready !== undefined;
  });
  await eventually('the last step to be forgotten', settleLimits, async () =>
    contestant.isSettled(steadySinceMs),
  );
  await contestant.setMax(replicasMax);
  await eventually('a steady load of one replica', settleLimits, (saw) => {
    saw(JSON.stringify({ bounds: watch.bounds(), pods: watch.pods().length }));
    return isSteady({ contestant, watch, load });
  });
}

function isSteady({ watch, load }: Stage): boolean {
  const bounds = watch.bounds();
  return (
    bounds?.min === 1 &&
    bounds.max === replicasMax &&
    watch.replicas().at(-1)?.replicas === 1 &&
    watch.pods().length === 1 &&
    isCalm(load, steadyReadsPerSecond)
  );
}

/** True when reads were answered quickly for a while until now. */
export function isCalm(load: ReadLoad, readsPerSecond: number): boolean {
  return wereQuick(load.reads(), { untilMs: nowMs() - toldMs, forMs: calmMs, readsPerSecond });
}
