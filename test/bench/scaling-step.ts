/** What is seen of one load step on the CqrsService, from the decision to the last replica that carries its share. */
import { ports } from '@cqrs/contract/env.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import type { Kubectl } from '../quickstart/kubectl.ts';
import { reachedRateAtMs, recoveredMs, type ReadCount } from './scaling-reads.ts';
import { namespace } from './scaling-scene.ts';
import { isCalm, replicasNeeded, stepReadsPerSecond, type Stage } from './scaling-series.ts';
import { nowMs, type ScalingWatch, type WatchedPod } from './scaling-watch.ts';

const seenLimits = { timeoutMs: 90_000, periodMs: 100 };
/** Reads that are not quick by then, counted from the step, have not recovered: that is what is measured then. */
const recoveredMsMax = 30_000;
const countPeriodMs = 250;
const countMsMax = 1_000;
/** Milliseconds since the step, unless the name says since when. */
export type SeenStep = {
  readonly decisionMs: number;
  readonly decisionFullMs: number;
  readonly readyMs: number;
  readonly recoveredMs: number;
  readonly fairShareMs: readonly number[];
  readonly fairShareSinceReadyMs: readonly number[];
  readonly starts: readonly StartTimes[];
};

/** Where the time of one pod's start went. */
export type StartTimes = {
  readonly scheduleMs: number;
  readonly containerMs: number;
  readonly programMs: number;
  readonly readyMs: number;
};

/** When the wished replicas first reached so many after the step. */
export function decidedAtMs(
  watch: ScalingWatch,
  stepAtMs: number,
  replicas: number,
): number | undefined {
  return watch.replicas().find((wish) => wish.atMs >= stepAtMs && wish.replicas >= replicas)?.atMs;
}

export async function observeStep(
  kubectl: Kubectl,
  { watch, load, contestant }: Stage,
  stepAtMs: number,
): Promise<SeenStep> {
  const counting = countReads(watch);
  // The HPA may wish for one more than is needed, and then all of them are to serve.
  const wished = (): number => Math.max(replicasNeeded, watch.replicas().at(-1)?.replicas ?? 0);
  const sharesAtMs = ({ name }: WatchedPod): number | undefined =>
    reachedRateAtMs(counting.of(name), stepReadsPerSecond / wished() / 2);
  try {
    await eventually('the step to be carried', seenLimits, (saw) => {
      const ready = readyPods(watch);
      const sharing = ready.filter((pod) => sharesAtMs(pod) !== undefined);
      saw(`${ready.length} pods ready, ${sharing.length} with their share`);
      const isLate = nowMs() > stepAtMs + recoveredMsMax;
      return sharing.length >= wished() && (isLate || isCalm(load, stepReadsPerSecond));
    });
  } finally {
    await counting.stop();
  }
  const untilMs = nowMs() - countPeriodMs;
  const pods = readyPods(watch).toSorted((one, other) => one.readyAtMs - other.readyAtMs);
  const added = pods.filter(({ readyAtMs }) => readyAtMs >= stepAtMs);
  const shares = added.map((pod) => {
    const atMs = sharesAtMs(pod) ?? Number.NaN;
    return { sinceStepMs: atMs - stepAtMs, sinceReadyMs: Math.max(0, atMs - pod.readyAtMs) };
  });
  return {
    decisionMs: (decidedAtMs(watch, stepAtMs, 2) ?? Number.NaN) - stepAtMs,
    decisionFullMs: (decidedAtMs(watch, stepAtMs, replicasNeeded) ?? Number.NaN) - stepAtMs,
    readyMs: (pods.at(-1)?.readyAtMs ?? Number.NaN) - stepAtMs,
    recoveredMs: recoveredMs(load.reads(), stepAtMs, untilMs),
    fairShareMs: shares.map(({ sinceStepMs }) => sinceStepMs),
    fairShareSinceReadyMs: shares.map(({ sinceReadyMs }) => sinceReadyMs),
    starts: await startTimes(kubectl, contestant.watched.podLabels, added),
  };
}

type ReadyPod = WatchedPod & { readonly readyAtMs: number };

function readyPods(watch: ScalingWatch): readonly ReadyPod[] {
  return watch
    .pods()
    .flatMap((pod) => (pod.atMs.ready === undefined ? [] : { ...pod, readyAtMs: pod.atMs.ready }));
}

/** Asks every ready pod again and again how many reads it has answered: nobody tells that by himself. */
function countReads(watch: ScalingWatch): {
  readonly of: (pod: string) => readonly ReadCount[];
  readonly stop: () => Promise<void>;
} {
  const counts = new Map<string, ReadCount[]>();
  const stopped = new AbortController();
  const count = async ({ name, ip }: WatchedPod): Promise<void> => {
    const reads = await readsServed(ip);
    if (reads === undefined) return;
    const known = counts.get(name) ?? [];
    counts.set(name, [...known, { atMs: nowMs(), reads }]);
  };
  const counting = (async () => {
    while (!stopped.signal.aborted) {
      await Promise.all([...readyPods(watch).map(count), delay(countPeriodMs)]);
    }
  })();
  return {
    of: (pod) => counts.get(pod) ?? [],
    stop: async () => {
      stopped.abort();
      await counting;
    },
  };
}

/** Undefined when the pod does not say. */
async function readsServed(ip: string): Promise<number | undefined> {
  const url = `http://${ip}:${ports.ops}/status`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(countMsMax) }).catch(
    () => undefined,
  );
  const status = (await answer?.json()) as { readonly readsServed: number } | undefined;
  return status?.readsServed;
}

/** Pods tell in their log when they began to serve and how long their process had been there by then. */
async function startTimes(
  kubectl: Kubectl,
  podLabels: Readonly<Record<string, string>>,
  pods: readonly ReadyPod[],
): Promise<readonly StartTimes[]> {
  const selector = Object.entries(podLabels).map(([key, value]) => `${key}=${value}`);
  const whose = ['-n', namespace, '-l', selector.join(',')];
  const whole = ['--prefix', '--tail=-1', `--max-log-requests=${2 * replicasNeeded}`];
  const logs = await kubectl.run(['logs', ...whose, ...whole]);
  return pods.flatMap(({ name, atMs, readyAtMs }) => {
    const line = logs.split('\n').find((text) => text.includes(name) && text.includes('startMs'));
    const { created, scheduled } = atMs;
    if (line === undefined || created === undefined || scheduled === undefined) return [];
    const told = JSON.parse(line.slice(line.indexOf('{'))) as { time: string; startMs: number };
    const servesAtMs = Date.parse(told.time);
    return {
      scheduleMs: scheduled - created,
      containerMs: servesAtMs - told.startMs - scheduled,
      programMs: told.startMs,
      readyMs: readyAtMs - servesAtMs,
    };
  });
}
