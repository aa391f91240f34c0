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
/** A replica at nine tenths of what it should answer. */
export const steadyReadsPerSecond = 90;
const stepFactor = 8;
export const stepReadsPerSecond = stepFactor * steadyReadsPerSecond;
/** The HPA leaves alone what its target misses by less. */
const tolerance = 0.1;
/** What the step needs by the target. */
export const replicasNeeded = Math.ceil(
  stepReadsPerSecond / (targetReadsPerSecond * (1 + tolerance)),
);

const calmMs = 3_000;
const calmMsMax = 15_000;
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
  /** True when what it scales on shows nothing of before `sinceMs`, since when one pod has been alone. */
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

/**
 * Steps as often as the options say; `observe` gives what it saw of each, from the moment of the step on. `busy` counts
 * the steps before which reads were slow already.
 */
export async function measureSeries<Seen>(
  stage: Stage,
  { repeats, lastStepAtMs, note }: SeriesOptions,
  observe: (stage: Stage, stepAtMs: number) => Promise<Seen>,
): Promise<{ readonly seen: readonly Seen[]; readonly busy: number }> {
  const seen: Seen[] = [];
  let busy = 0;
  while (seen.length < repeats && nowMs() < lastStepAtMs) {
    const isQuiet = await settle(stage);
    // Settling ends at a look of the HPA's. Were every step to follow it at the same distance, that would be measured.
    await delay(((seen.length + 0.5) / repeats) * hpaPeriodMs);
    if (!isAlone(stage.watch)) {
      note('the steady load scaled it: settles once more');
      continue;
    }
    const stepAtMs = await stage.load.setRate(stepReadsPerSecond);
    const one = await observe(stage, stepAtMs);
    seen.push(one);
    if (!isQuiet) busy += 1;
    const { failed } = stage.load.counts();
    note(
      `${seen.length}/${repeats} failed by status ${JSON.stringify(failed)} ${JSON.stringify(one)}`,
    );
  }
  return { seen, busy };
}

/**
 * Back to one pod under the steady load, free to scale out, with the last step forgotten. False when even that one
 * answered slowly, because the machine was busy with other things.
 */
async function settle({ contestant, watch, load }: Stage): Promise<boolean> {
  await load.setRate(steadyReadsPerSecond);
  await contestant.setMax(1);
  await eventually('one pod to be left', settleLimits, () => {
    const pods = watch.pods();
    return watch.bounds()?.max === 1 && pods.length === 1 && pods[0]?.atMs.ready !== undefined;
  });
  const aloneSinceMs = nowMs();
  await eventually('the last step to be forgotten', settleLimits, async () =>
    contestant.isSettled(aloneSinceMs),
  );
  await contestant.setMax(replicasMax);
  await eventually(
    'one pod that may become more',
    settleLimits,
    () => watch.bounds()?.max === replicasMax,
  );
  const calmUntilMs = nowMs() + calmMsMax;
  await eventually(
    'quick reads',
    settleLimits,
    () => isCalm(load, steadyReadsPerSecond) || nowMs() > calmUntilMs,
  );
  return isCalm(load, steadyReadsPerSecond);
}

function isAlone(watch: ScalingWatch): boolean {
  const bounds = watch.bounds();
  const areFree = bounds?.min === 1 && bounds.max === replicasMax;
  return areFree && watch.replicas().at(-1)?.replicas === 1 && watch.pods().length === 1;
}

/** True when reads were answered quickly for a while until now. */
export function isCalm(load: ReadLoad, readsPerSecond: number): boolean {
  return wereQuick(load.reads(), { untilMs: nowMs() - toldMs, forMs: calmMs, readsPerSecond });
}
