import type { QueryService } from '../api/v1alpha1/service-kinds.ts';
import type { KubeObject } from '../kube/object.ts';
import { floorReplicas, type Floor, type ScalingMetric } from '../scaling/floor.ts';
import { readsMetric } from '../scaling/reads-metric.ts';
import { childName } from './names.ts';
import { ownedMeta } from './owner.ts';

type Policy = {
  readonly type: 'Pods' | 'Percent';
  readonly value: number;
  readonly periodSeconds: number;
};

type ScalingRules = {
  readonly stabilizationWindowSeconds: number;
  readonly selectPolicy: 'Max';
  readonly policies: readonly Policy[];
};

type CrossReference = { readonly apiVersion: string; readonly kind: string; readonly name: string };

type Metric =
  | {
      readonly type: 'Object';
      readonly object: {
        readonly describedObject: CrossReference;
        readonly metric: { readonly name: string };
        readonly target: { readonly type: 'AverageValue'; readonly averageValue: string };
      };
    }
  | {
      readonly type: 'Resource';
      readonly resource: {
        readonly name: 'cpu';
        readonly target: { readonly type: 'Utilization'; readonly averageUtilization: number };
      };
    };

export type HorizontalPodAutoscaler = KubeObject & {
  readonly spec: {
    readonly scaleTargetRef: CrossReference;
    readonly minReplicas: number;
    readonly maxReplicas: number;
    readonly metrics: readonly Metric[];
    readonly behavior: { readonly scaleUp: ScalingRules; readonly scaleDown: ScalingRules };
  };
};

/** Pods that a burst holds at least; 0 when none does. */
type FloorReplicas = Pick<Floor, 'replicas'>;

// The HPA controller looks every 15 s (its --horizontal-pod-autoscaler-sync-period), so a policy of a
// shorter period would be no faster.
const periodSeconds = 15;

/**
 * Scales the query Deployment on the reads of the whole service. AverageValue divides them by the pods that
 * exist: unlike a per-pod metric it is not damped while new pods are unready. Up goes in one step; down waits
 * until reads were fewer for `scaleDownSeconds`. The HPA itself is as slow as its period; a burst raises its floor.
 */
export function queryHpa(
  service: QueryService,
  floor: FloorReplicas,
  metric: ScalingMetric,
): HorizontalPodAutoscaler {
  const { autoscaling } = service.spec.query;
  const { maxReplicas, scaleDownSeconds } = autoscaling;
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: ownedMeta(service, 'query'),
    spec: {
      scaleTargetRef: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        name: childName(service, 'query'),
      },
      minReplicas: floorReplicas(floor, autoscaling),
      maxReplicas,
      metrics: [metric === 'reads' ? readsOf(service) : cpu],
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: 0,
          selectPolicy: 'Max',
          policies: [{ type: 'Pods', value: maxReplicas, periodSeconds }],
        },
        scaleDown: {
          stabilizationWindowSeconds: scaleDownSeconds,
          selectPolicy: 'Max',
          policies: [{ type: 'Percent', value: 100, periodSeconds }],
        },
      },
    },
  };
}

function readsOf({ metadata, spec }: QueryService): Metric {
  const { describedApiVersion: apiVersion, describedKind: kind } = readsMetric;
  const averageValue = `${spec.query.autoscaling.readsPerSecond}`;
  return {
    type: 'Object',
    object: {
      describedObject: { apiVersion, kind, name: metadata.name },
      metric: { name: readsMetric.name },
      target: { type: 'AverageValue', averageValue },
    },
  };
}

// Where HPAs cannot ask for reads the floor follows them, and this lets the HPA take pods away again.
const cpu: Metric = {
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
};
