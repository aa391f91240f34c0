import { endOf, type Curve } from './curve.ts';
import type { Frame } from './replay.ts';

/** A row of the curve that asks for more pods than there were, and how long it took until there were. */
type Reaction = {
  readonly atMs: number;
  readonly from: number;
  readonly to: number;
  /** Pods that the new rate needs. */
  readonly needed: number;
  /** Until the Deployment was scaled at all, was scaled to what is needed, and had as many Ready; undefined: not before the next row. */
  readonly scaledMs: number | undefined;
  readonly enoughMs: number | undefined;
  readonly readyMs: number | undefined;
};

export type Summary = {
  readonly reactions: readonly Reaction[];
  readonly replicaSeconds: number;
  readonly asked: number;
  /** Reads beyond what the Ready pods are for: those that wait or are refused. */
  readonly unserved: number;
  /** How often the pods that are wanted turned from growing to shrinking or back. */
  readonly directionChanges: number;
  /** How often they shrank sooner after they had grown than `scaleDownSeconds` allows. */
  readonly flaps: number;
};

/** What a pod is for, and what else judges a replay. */
export type Judged = {
  readonly readsPerSecond: number;
  readonly maxReplicas: number;
  readonly scaleDownSeconds: number;
};

/** The HPA's tolerance: what one pod is asked beyond its target by less needs no further pod. */
const tolerance = 0.1;

export function summarize(curve: Curve, frames: readonly Frame[], judged: Judged): Summary {
  const endMs = endOf(curve);
  const lasting = frames.map((frame, place) => ({
    ...frame,
    seconds: ((frames[place + 1]?.atMs ?? endMs) - frame.atMs) / 1000,
  }));
  const sum = (of: (frame: (typeof lasting)[number]) => number): number =>
    lasting.reduce((total, frame) => total + of(frame), 0);
  const moves = movesOf(frames);
  return {
    reactions: reactionsOf(curve, frames, judged),
    replicaSeconds: sum(({ wanted, seconds }) => wanted * seconds),
    asked: sum(({ asked, seconds }) => asked * seconds),
    unserved: sum(
      ({ asked, ready, seconds }) => Math.max(0, asked - ready * judged.readsPerSecond) * seconds,
    ),
    directionChanges: moves.filter(({ by }, place) => by * (moves[place - 1]?.by ?? by) < 0).length,
    flaps: moves.filter(({ by, atMs }, place) => {
      const before = moves[place - 1];
      const isTurn = before !== undefined && before.by > 0 && by < 0;
      return isTurn && atMs - before.atMs < judged.scaleDownSeconds * 1000;
    }).length,
  };
}

/** When the pods that are wanted changed, and by how many. */
function movesOf(
  frames: readonly Frame[],
): readonly { readonly atMs: number; readonly by: number }[] {
  return frames.flatMap(({ atMs, wanted }, place) => {
    const by = wanted - (frames[place - 1]?.wanted ?? wanted);
    return by === 0 ? [] : [{ atMs, by }];
  });
}

function reactionsOf(curve: Curve, frames: readonly Frame[], judged: Judged): readonly Reaction[] {
  return curve.slice(1, -1).flatMap(({ atMs, readsPerSecond: to }, place) => {
    const from = curve[place]?.readsPerSecond ?? 0;
    const untilMs = curve[place + 2]?.atMs ?? endOf(curve);
    const needed = Math.min(
      judged.maxReplicas,
      Math.ceil(to / (judged.readsPerSecond * (1 + tolerance))),
    );
    const before = frames.findLast((frame) => frame.atMs < atMs)?.wanted ?? 0;
    if (to <= from || needed <= before) return [];
    const during = frames.filter((frame) => frame.atMs >= atMs && frame.atMs < untilMs);
    const until = (isSo: (frame: Frame) => boolean): number | undefined => {
      const found = during.find(isSo);
      return found === undefined ? undefined : found.atMs - atMs;
    };
    return [
      {
        atMs,
        from,
        to,
        needed,
        scaledMs: until(({ wanted }) => wanted > before),
        enoughMs: until(({ wanted }) => wanted >= needed),
        readyMs: until(({ ready }) => ready >= needed),
      },
    ];
  });
}

const reactionsToldMax = 12;

/** The summary for people. */
export function summaryLines(summary: Summary): readonly string[] {
  const { reactions, replicaSeconds, asked, unserved, directionChanges, flaps } = summary;
  const more = reactions.length - reactionsToldMax;
  const share = asked === 0 ? 0 : (unserved / asked) * 100;
  return [
    ...reactions.slice(0, reactionsToldMax).map(reactionLine),
    ...(more > 0 ? [`and ${more} more steps`] : []),
    ...(reactions.length === 0 ? ['no step asked for more pods than there were'] : []),
    `replica-seconds     ${Math.round(replicaSeconds)}`,
    `unserved reads      ${Math.round(unserved)} of ${Math.round(asked)} (${share.toFixed(1)} %) were beyond what the Ready pods are for`,
    `direction changes   ${directionChanges}, of them ${flaps} sooner than scaleDownSeconds allows`,
  ];
}

function reactionLine({ atMs, from, to, needed, ...reaction }: Reaction): string {
  const { scaledMs, enoughMs, readyMs } = reaction;
  return (
    `step at ${atMs / 1000} s, ${from} to ${to} reads/s, ${needed} pods: ` +
    `scaled ${told(scaledMs)}, to all of them ${told(enoughMs)}, Ready ${told(readyMs)}`
  );
}

function told(ms: number | undefined): string {
  return ms === undefined ? 'not before the next row' : `${(ms / 1000).toFixed(2)} s`;
}
