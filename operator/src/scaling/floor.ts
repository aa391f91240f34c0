import { certain, readsPerSecond } from './demand.ts';
import { rateWindowMs, type ReadRates } from './rate-window.ts';

/**
 * The floor is the autoscaler's `minReplicas`, raised at once when reads burst: an HPA looks every 15 s, but follows its
 * floor when that changes. It sinks slowly, and the HPA's own number decides above it (designs/0005-burst-floor.md).
 */
export type Floor = {
  /** Pods that a burst holds at least; 0 when none does. */
  readonly replicas: number;
  /** Reads per second of that burst. */
  readonly readsPerSecond: number;
  /** When a burst last raised it. */
  readonly raisedAtMs: number;
  /** When the reads last needed so many pods. */
  readonly neededAtMs: number;
  /** When it last sank. */
  readonly loweredAtMs: number;
};

/** What a service's autoscaling allows, and how many pods its query Deployment asks for now. */
export type ReadScaling = {
  /** Reads per second that one pod is for. */
  readonly readsPerSecond: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** How long reads must be fewer before pods are removed. */
  readonly scaleDownMs: number;
  readonly replicas: number;
  /** What the HPA goes by. With the CPU alone it knows nothing of reads, and the floor follows all of them. */
  readonly metric: ScalingMetric;
};

export type ScalingMetric = 'reads' | 'cpu';

type Bounds = Pick<ReadScaling, 'minReplicas' | 'maxReplicas'>;

/** Reads beyond this many times what the pods are for are a burst; the HPA is quick enough for less. */
const burstRatio = 2;
/** While a burst comes in, each look may find more of it. */
const burstMs = 2_000;
/** The HPA leaves alone what its target misses by less (`--horizontal-pod-autoscaler-tolerance`). */
const tolerance = 0.1;
/** The floor sinks half the way to what is needed, no sooner again than this: the HPA has looked in between. */
const lowerMs = 15_000;

/** The floor of a service that is seen for the first time: what its HPA was last given stays for a while. */
export function firstFloor(live: number, { minReplicas }: ReadScaling, nowMs: number): Floor {
  const replicas = live > minReplicas ? live : 0;
  const past = { raisedAtMs: -Infinity, neededAtMs: nowMs, loweredAtMs: nowMs };
  return { replicas, readsPerSecond: 0, ...past };
}

/** The floor now. Without rates, because pods are silent, it stays. */
export function nextFloor(
  before: Floor,
  scaling: ReadScaling,
  rates: ReadRates | undefined,
  nowMs: number,
): Floor {
  if (rates === undefined) return before;
  const replicas = floorReplicas(before, scaling);
  const burst = burstReplicas(before, scaling, rates, nowMs);
  if (burst > replicas) {
    const raised = { replicas: burst, readsPerSecond: Math.max(rates.burst, rates.sustained) };
    return { ...before, ...raised, raisedAtMs: nowMs, neededAtMs: nowMs };
  }
  const needed = within(scaling, podsFor(scaling, readsPerSecond(rates)));
  // Pods beyond a lowered maximum are gone, so they do not come back when it is raised again.
  const kept = Math.min(before.replicas, scaling.maxReplicas);
  if (needed >= replicas) return { ...before, replicas: kept, neededAtMs: nowMs };
  const sinks =
    nowMs - before.neededAtMs >= Math.max(lowerMs, scaling.scaleDownMs) &&
    nowMs - before.loweredAtMs >= lowerMs;
  if (!sinks) return { ...before, replicas: kept };
  const lower = Math.floor((replicas + needed) / 2);
  return { ...before, replicas: lower > scaling.minReplicas ? lower : 0, loweredAtMs: nowMs };
}

/** Pods that there are to be at least: what the spec says, or a burst. */
export function floorReplicas({ replicas }: Pick<Floor, 'replicas'>, scaling: Bounds): number {
  return within(scaling, replicas);
}

/** As many pods as a burst asks for; as few as the spec allows when there is none. */
function burstReplicas(
  floor: Floor,
  scaling: ReadScaling,
  { burst, sustained, stable }: ReadRates,
  nowMs: number,
): number {
  const comesIn = nowMs - floor.raisedAtMs < burstMs;
  const pods = Math.max(floorReplicas(floor, scaling), scaling.replicas);
  const capacity = pods * scaling.readsPerSecond;
  const found = comesIn
    ? // The first look is sized by two short samples, and often a pod short; a whole second has the last word.
      { believed: burst, limit: capacity * (1 + tolerance), needs: burst }
    : {
        believed: certain(burst, rateWindowMs.burst),
        limit: capacity * burstRatio,
        needs: Math.max(burst, sustained),
      };
  const asked = found.believed > found.limit ? podsFor(scaling, found.needs) : 0;
  const followed = scaling.metric === 'reads' ? 0 : podsFor(scaling, stable);
  return within(scaling, Math.max(asked, followed));
}

function podsFor(scaling: ReadScaling, perSecond: number): number {
  return Math.ceil(perSecond / (scaling.readsPerSecond * (1 + tolerance)));
}

function within({ minReplicas, maxReplicas }: Bounds, replicas: number): number {
  return Math.min(maxReplicas, Math.max(minReplicas, replicas));
}
