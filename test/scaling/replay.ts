/** Replays a load curve through the operator's own decisions, a model of the HPA and pods that are played. Pure. */
import type { QueryService } from '../../operator/src/api/v1alpha1/service-kinds.ts';
import { queryHpa } from '../../operator/src/resources/query-hpa.ts';
import { endOf, type Curve } from './curve.ts';
import { blankMemory, hpaPeriodMs, look, type HpaMemory } from './hpa-model.ts';
import { createLoad, type Load, type Noise } from './load.ts';
import { readyOf, resized, type PlayedPod } from './query-pods.ts';
import { createSampling, type Sampling } from './sampling.ts';

export type Settings = Noise & {
  readonly service: QueryService;
  /** From asking for a pod until it is Ready. */
  readonly startMs: number;
  /** Whether the HPA acts on a floor that changes at once, as Kubernetes does from 1.37 on, or at its next look. */
  readonly floorSeen: 'at-once' | 'next-look';
};

/** How things stand at one moment. Between two frames pods stay as they are. */
export type Frame = {
  readonly atMs: number;
  /** Reads per second that are asked for. */
  readonly asked: number;
  /** Reads per second that the HPA would be told; undefined where there is no number. */
  readonly told: number | undefined;
  /** The HPA's `minReplicas`, as the operator decided it. */
  readonly floor: number;
  /** Pods that the Deployment asks for. */
  readonly wanted: number;
  readonly ready: number;
};

const stepMs = 5;
const frameEveryMs = 100;
/** From the operator's decision until the HPA acted on it: two writes and two watches. */
const floorFollowMs = 200;
/** Half a period: curves change at round times, and the HPA is to be neither lucky nor unlucky with them. */
const firstLookMs = hpaPeriodMs / 2;

type World = {
  readonly settings: Settings;
  readonly load: Load;
  readonly sampling: Sampling;
  pods: readonly PlayedPod[];
  wanted: number;
  hpa: HpaMemory;
  /** The floor that the HPA has, and those that are on their way to it. */
  floor: number;
  floorsToCome: readonly { readonly atMs: number; readonly replicas: number }[];
};

/** Frames of each tenth of a second, and of each moment at which pods or the floor changed. */
export function replay(curve: Curve, settings: Settings): readonly Frame[] {
  const world = startWorld(curve, settings);
  const frames: Frame[] = [];
  for (let nowMs = 0; nowMs < endOf(curve); nowMs += stepMs) {
    const asked = world.load.rateAt(nowMs);
    const ready = readyOf(world.pods, nowMs);
    for (const pod of ready) pod.reads += world.load.readsOfOne(asked, ready.length, stepMs);
    world.sampling.step(nowMs, { ready, replicas: world.wanted });
    sendFloor(world, nowMs);
    if (isLook(world, nowMs)) scale(world, nowMs);
    const floor = world.sampling.floor();
    const now = { asked, floor, wanted: world.wanted, ready: ready.length };
    if (nowMs % frameEveryMs === 0 || isNews(frames.at(-1), now)) {
      frames.push({ atMs: nowMs, ...now, told: world.sampling.demand(nowMs) });
    }
  }
  return frames;
}

function startWorld(curve: Curve, settings: Settings): World {
  const { readsPerSecond, minReplicas, maxReplicas, scaleDownSeconds } =
    settings.service.spec.query.autoscaling;
  // The curve finds a service that is used to how it begins.
  const needed = Math.ceil((curve[0]?.readsPerSecond ?? 0) / readsPerSecond);
  const replicas = Math.min(maxReplicas, Math.max(minReplicas, needed));
  const scaleDownMs = scaleDownSeconds * 1000;
  const bounds = { minReplicas, maxReplicas };
  return {
    settings,
    load: createLoad(curve, settings),
    sampling: createSampling({ ...bounds, readsPerSecond, scaleDownMs, replicas, metric: 'reads' }),
    pods: resized([], replicas, { nowMs: 0, startMs: 0 }),
    wanted: replicas,
    hpa: blankMemory,
    floor: minReplicas,
    floorsToCome: [],
  };
}

/** Lets a new floor set out for the HPA. */
function sendFloor(world: World, nowMs: number): void {
  const replicas = world.sampling.floor();
  if (replicas === (world.floorsToCome.at(-1)?.replicas ?? world.floor)) return;
  world.floorsToCome = [...world.floorsToCome, { atMs: nowMs + floorFollowMs, replicas }];
}

/** Takes in floors that have come, and says whether the HPA looks now. */
function isLook(world: World, nowMs: number): boolean {
  const come = world.floorsToCome.filter(({ atMs }) => atMs <= nowMs);
  world.floorsToCome = world.floorsToCome.slice(come.length);
  world.floor = come.at(-1)?.replicas ?? world.floor;
  const isPeriodic = nowMs % hpaPeriodMs === firstLookMs;
  return isPeriodic || (come.length > 0 && world.settings.floorSeen === 'at-once');
}

function scale(world: World, nowMs: number): void {
  const { service, startMs } = world.settings;
  const { spec } = queryHpa(service, { replicas: world.floor }, 'reads');
  const readsPerSecond = world.sampling.demand(nowMs);
  const seen = { spec, replicas: world.wanted, readsPerSecond, nowMs };
  const { memory, replicas } = look(world.hpa, seen);
  world.hpa = memory;
  world.wanted = replicas;
  world.pods = resized(world.pods, replicas, { nowMs, startMs });
}

function isNews(
  before: Frame | undefined,
  now: Pick<Frame, 'floor' | 'wanted' | 'ready' | 'asked'>,
): boolean {
  return (
    before === undefined ||
    before.asked !== now.asked ||
    before.floor !== now.floor ||
    before.wanted !== now.wanted ||
    before.ready !== now.ready
  );
}
