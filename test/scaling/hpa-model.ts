import type { HorizontalPodAutoscaler } from '../../operator/src/resources/hpa.ts';

/**
 * What Kubernetes' HPA controller decides of an HPA as the operator writes it: one Object metric with an AverageValue
 * target, and a behavior for both directions. Pure; follows Kubernetes 1.37, pkg/controller/podautoscaler:
 * `reconcileAutoscaler` (a floor or ceiling that is crossed needs no metric), `GetObjectPerPodMetricReplicas` (tolerance
 * and rounding), `stabilizeRecommendationWithBehaviors` and `convertDesiredReplicasWithBehaviorRate` with the limits of
 * its policies. Left out: scaling from or to zero, several metrics, a tolerance in the spec.
 */
export type HpaSpec = Pick<
  HorizontalPodAutoscaler['spec'],
  'minReplicas' | 'maxReplicas' | 'metrics' | 'behavior'
>;

type Rules = HpaSpec['behavior']['scaleUp'];
type Dated = { readonly atMs: number; readonly replicas: number };

/** What the controller remembers of an HPA between two looks. */
export type HpaMemory = {
  /** What the metric asked for at earlier looks. */
  readonly recommendations: readonly Dated[];
  /** How many pods were added, and removed, at a time. */
  readonly added: readonly Dated[];
  readonly removed: readonly Dated[];
};

export type HpaSeen = {
  readonly spec: HpaSpec;
  /** Pods that the Deployment asks for, ready or not. */
  readonly replicas: number;
  /** What the metrics API says; undefined when it answers with a failure. */
  readonly readsPerSecond: number | undefined;
  readonly nowMs: number;
};

export type HpaLook = { readonly memory: HpaMemory; readonly replicas: number };

export const hpaPeriodMs = 15_000;
/** The default of `--horizontal-pod-autoscaler-tolerance`. */
const tolerance = 0.1;

export const blankMemory: HpaMemory = { recommendations: [], added: [], removed: [] };

/** One look of the controller: how many pods the Deployment is to ask for from now on. */
export function look(memory: HpaMemory, seen: HpaSeen): HpaLook {
  const { spec, replicas, readsPerSecond, nowMs } = seen;
  const known =
    memory.recommendations.length > 0
      ? memory
      : { ...memory, recommendations: [{ atMs: nowMs, replicas }] };
  if (replicas > spec.maxReplicas) return scaled(known, seen, spec.maxReplicas);
  if (replicas < spec.minReplicas) return scaled(known, seen, spec.minReplicas);
  if (readsPerSecond === undefined) return { memory: known, replicas };

  const recommended = recommendedBy(spec, replicas, readsPerSecond);
  const stable = stabilized(known, seen, recommended);
  const recommendations = [
    ...known.recommendations.filter(({ atMs }) => atMs > nowMs - longestWindowMs(spec)),
    { atMs: nowMs, replicas: recommended },
  ];
  return scaled({ ...known, recommendations }, seen, limited(known, seen, stable));
}

function recommendedBy({ metrics }: HpaSpec, replicas: number, readsPerSecond: number): number {
  // The controller reckons in thousandths.
  const value = Math.round(readsPerSecond * 1000);
  const targets = metrics.flatMap((metric) =>
    metric.type === 'Object' ? [Number(metric.object.target.averageValue) * 1000] : [],
  );
  const target = Math.max(...targets);
  const ratio = value / (target * replicas);
  const isClose = 1 - tolerance <= ratio && ratio <= 1 + tolerance;
  return isClose ? replicas : Math.ceil(value / target);
}

// Goes up no further than the least, and down no further than the most, that was recommended within the window.
function stabilized(memory: HpaMemory, seen: HpaSeen, recommended: number): number {
  const { spec, replicas, nowMs } = seen;
  const within = ({ stabilizationWindowSeconds }: Rules): readonly number[] =>
    memory.recommendations
      .filter(({ atMs }) => atMs > nowMs - stabilizationWindowSeconds * 1000)
      .map((dated) => dated.replicas);
  const least = Math.min(recommended, ...within(spec.behavior.scaleUp));
  const most = Math.max(recommended, ...within(spec.behavior.scaleDown));
  return Math.min(most, Math.max(least, replicas));
}

function limited(memory: HpaMemory, seen: HpaSeen, wanted: number): number {
  const { spec, replicas } = seen;
  const { scaleUp, scaleDown } = spec.behavior;
  if (wanted > replicas) {
    const limits = policyLimits(memory, seen, { rules: scaleUp, sign: 1 });
    return Math.min(wanted, spec.maxReplicas, Math.max(replicas, ...limits));
  }
  if (wanted < replicas) {
    const limits = policyLimits(memory, seen, { rules: scaleDown, sign: -1 });
    return Math.max(wanted, spec.minReplicas, Math.min(replicas, ...limits));
  }
  return wanted;
}

type Direction = { readonly rules: Rules; readonly sign: 1 | -1 };

/** How far each policy lets the replicas go, seen from how many there were when its period began. */
function policyLimits(
  memory: HpaMemory,
  { replicas, nowMs }: HpaSeen,
  { rules, sign }: Direction,
): readonly number[] {
  return rules.policies.map(({ type, value, periodSeconds }) => {
    const changed = (events: readonly Dated[]): number =>
      events
        .filter(({ atMs }) => atMs > nowMs - periodSeconds * 1000)
        .reduce((sum, event) => sum + event.replicas, 0);
    const before = replicas - changed(memory.added) + changed(memory.removed);
    if (type === 'Pods') return before + sign * value;
    const limit = (before * (100 + sign * value)) / 100;
    return sign === 1 ? Math.ceil(limit) : Math.trunc(limit);
  });
}

function scaled(memory: HpaMemory, { spec, replicas, nowMs }: HpaSeen, to: number): HpaLook {
  if (to === replicas) return { memory, replicas };
  const change = { atMs: nowMs, replicas: Math.abs(to - replicas) };
  const list = to > replicas ? 'added' : 'removed';
  const kept = memory[list].filter(({ atMs }) => atMs > nowMs - longestPeriodMs(spec));
  return { memory: { ...memory, [list]: [...kept, change] }, replicas: to };
}

function longestWindowMs({ behavior: { scaleUp, scaleDown } }: HpaSpec): number {
  const windows = [scaleUp, scaleDown].map((rules) => rules.stabilizationWindowSeconds);
  return Math.max(...windows) * 1000;
}

function longestPeriodMs({ behavior: { scaleUp, scaleDown } }: HpaSpec): number {
  const policies = [...scaleUp.policies, ...scaleDown.policies];
  return Math.max(...policies.map((policy) => policy.periodSeconds)) * 1000;
}
