import { collectorTicks } from '../../operator/src/scaling/collector.ts';
import { demandOf } from '../../operator/src/scaling/demand.ts';
import { floorReplicas, type ReadScaling } from '../../operator/src/scaling/floor.ts';
import type { Poll } from '../../operator/src/scaling/polling.ts';
import {
  firstReads,
  follow,
  forgetOld,
  hear,
  pollAfter,
  reckon,
  type EndedPoll,
} from '../../operator/src/scaling/service-reads.ts';
import type { PlayedPod } from './query-pods.ts';

/** How often a pod that holds its answer back looks whether there is news (services/runtime/held-answer.ts). */
const heldLookMs = 20;

/** The operator's view of one service: the collector's decisions, taken in played time. */
export type Sampling = {
  /** The collector's turn: follows what the cluster says, takes answers in, and asks. */
  step(nowMs: number, cluster: Cluster): void;
  /** What the HPA would be told; undefined where the metrics API answers with a failure. */
  demand(nowMs: number): number | undefined;
  floor(): number;
};

type Cluster = { readonly ready: readonly PlayedPod[]; readonly replicas: number };

type PodPoll = {
  readonly pod: PlayedPod;
  dueMs: number;
  hold: Poll['hold'];
  startedMs: number | undefined;
};

export function createSampling(spec: ReadScaling): Sampling {
  const { tickMs, followEveryTicks, tellEveryTicks } = collectorTicks;
  let reads = firstReads(spec, 0, 0);
  let polls: readonly PodPoll[] = [];
  const ended = new Map<PodPoll, EndedPoll>();

  const followCluster = ({ ready, replicas }: Cluster, nowMs: number): void => {
    const known = new Map(polls.map((poll) => [poll.pod.name, poll]));
    polls = ready.map((pod) => known.get(pod.name) ?? unasked(pod));
    const names = new Set(ready.map(({ name }) => name));
    reads = follow(reads, { ...spec, replicas }, names, nowMs);
  };
  const takeIn = (poll: PodPoll, startedMs: number, nowMs: number): void => {
    const { name } = poll.pod;
    reads = hear(reads, {
      pod: name,
      bootId: name,
      reads: Math.floor(poll.pod.reads),
      atMs: nowMs,
    });
    ended.set(poll, { pod: name, startedMs, endedMs: nowMs });
  };
  const plan = (nowMs: number): void => {
    if (ended.size === 0) return;
    const reckoned = reckon(reads, nowMs);
    reads = reckoned.reads;
    for (const [poll, end] of ended) {
      const next = pollAfter(end, reads, reckoned.found, nowMs);
      Object.assign(poll, next, { startedMs: undefined });
    }
    ended.clear();
  };

  return {
    step(nowMs, cluster) {
      if (nowMs % (tickMs * followEveryTicks) === 0) followCluster(cluster, nowMs);
      if (nowMs % tickMs === 0) plan(nowMs);
      for (const poll of polls) {
        const isAsked = poll.startedMs !== undefined && !ended.has(poll);
        if (poll.startedMs !== undefined && isAsked && answers(poll, poll.startedMs, nowMs)) {
          takeIn(poll, poll.startedMs, nowMs);
        }
        const isDue = poll.startedMs === undefined && poll.dueMs <= nowMs;
        if (isDue && nowMs % tickMs === 0) poll.startedMs = nowMs;
      }
      if (nowMs % (tickMs * tellEveryTicks) !== 0) return;
      reads = reckon(forgetOld(reads, nowMs), nowMs).reads;
    },
    demand(nowMs) {
      const demand = demandOf(reads.window, reads.ready, nowMs);
      return demand.state === 'fresh' ? demand.readsPerSecond : undefined;
    },
    floor: () => floorReplicas(reads.floor, spec),
  };
}

function unasked(pod: PlayedPod): PodPoll {
  return { pod, dueMs: 0, hold: undefined, startedMs: undefined };
}

function answers({ pod, hold }: PodPoll, startedMs: number, nowMs: number): boolean {
  const heldMs = nowMs - startedMs;
  if (heldMs === 0) return false;
  if (hold === undefined || heldMs >= hold.waitMs) return true;
  return heldMs % heldLookMs === 0 && Math.floor(pod.reads) >= hold.readsBeyond;
}
