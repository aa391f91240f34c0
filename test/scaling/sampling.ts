import { collectorTicks } from '../../operator/src/scaling/collector.ts';
import { demandOf } from '../../operator/src/scaling/demand.ts';
import {
  firstFloor,
  floorReplicas,
  nextFloor,
  type ReadScaling,
} from '../../operator/src/scaling/floor.ts';
import { nextPoll, pollSpacingMs, type Poll } from '../../operator/src/scaling/polling.ts';
import {
  emptyRateWindow,
  followReady,
  observe,
  prune,
  ratesOf,
  type RatesOutcome,
  type RateWindow,
} from '../../operator/src/scaling/rate-window.ts';
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

type Seen = { scaling: ReadScaling; window: RateWindow; ready: ReadonlySet<string> };

export function createSampling(spec: ReadScaling): Sampling {
  const { tickMs, followEveryTicks, tellEveryTicks } = collectorTicks;
  const seen: Seen = { scaling: spec, window: emptyRateWindow, ready: new Set() };
  let floor = firstFloor(0, spec, 0);
  let polls: readonly PodPoll[] = [];
  const answered = new Map<PodPoll, { readonly startedMs: number; readonly endedMs: number }>();

  const decide = (nowMs: number): RatesOutcome => {
    const found = ratesOf(seen.window, seen.ready, nowMs);
    const rates = found.outcome === 'rates' ? found.rates : undefined;
    floor = nextFloor(floor, seen.scaling, rates, nowMs);
    return found;
  };
  const follow = ({ ready, replicas }: Cluster, nowMs: number): void => {
    const known = new Map(polls.map((poll) => [poll.pod.name, poll]));
    polls = ready.map((pod) => known.get(pod.name) ?? unasked(pod));
    seen.ready = new Set(ready.map(({ name }) => name));
    seen.window = followReady(seen.window, seen.ready, nowMs);
    seen.scaling = { ...spec, replicas };
  };
  const takeIn = (poll: PodPoll, startedMs: number, nowMs: number): void => {
    const { name } = poll.pod;
    const reads = Math.floor(poll.pod.reads);
    seen.window = observe(seen.window, { pod: name, bootId: name, reads, atMs: nowMs });
    answered.set(poll, { startedMs, endedMs: nowMs });
  };
  const reckon = (nowMs: number): void => {
    if (answered.size === 0) return;
    const found = decide(nowMs);
    for (const [poll, { startedMs, endedMs }] of answered) {
      const { everyMs, hold } = nextPoll({ ...seen, found }, poll.pod.name, nowMs);
      poll.startedMs = undefined;
      poll.hold = hold;
      poll.dueMs = Math.max(startedMs + everyMs, endedMs + pollSpacingMs);
    }
    answered.clear();
  };

  return {
    step(nowMs, cluster) {
      if (nowMs % (tickMs * followEveryTicks) === 0) follow(cluster, nowMs);
      if (nowMs % tickMs === 0) reckon(nowMs);
      for (const poll of polls) {
        const isAsked = poll.startedMs !== undefined && !answered.has(poll);
        if (poll.startedMs !== undefined && isAsked && answers(poll, poll.startedMs, nowMs)) {
          takeIn(poll, poll.startedMs, nowMs);
        }
        const isDue = poll.startedMs === undefined && poll.dueMs <= nowMs;
        if (isDue && nowMs % tickMs === 0) poll.startedMs = nowMs;
      }
      if (nowMs % (tickMs * tellEveryTicks) !== 0) return;
      seen.window = prune(seen.window, seen.ready, nowMs);
      decide(nowMs);
    },
    demand(nowMs) {
      const demand = demandOf(seen.window, seen.ready, nowMs);
      return demand.state === 'fresh' ? demand.readsPerSecond : undefined;
    },
    floor: () => floorReplicas(floor, spec),
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
