import type { CqrsService } from '../api/v1alpha1/schema.ts';
import type { KubeObject } from '../kube/object.ts';
import { metricsApi, type MetricName } from '../scaling/served-metrics.ts';
import { childName, type Component } from './names.ts';
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

export type HpaMetric =
  | {
      readonly type: 'Object';
      readonly object: {
        readonly describedObject: CrossReference;
        readonly metric: { readonly name: MetricName };
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
    readonly metrics: readonly HpaMetric[];
    readonly behavior: { readonly scaleUp: ScalingRules; readonly scaleDown: ScalingRules };
  };
};

type Scaled = {
  readonly component: Component;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly metric: HpaMetric;
  /** How long less must be asked before pods are removed. */
  readonly scaleDownSeconds: number;
};

// The HPA controller looks every 15 s (its --horizontal-pod-autoscaler-sync-period), so a policy of a
// shorter period would be no faster.
const periodSeconds = 15;

/** The HPA of one Deployment. Up goes in one step; down waits until less was asked for a while. */
export function autoscalerOf(
  service: CqrsService,
  { component, minReplicas, maxReplicas, metric, scaleDownSeconds }: Scaled,
): HorizontalPodAutoscaler {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: ownedMeta(service, component),
    spec: {
      scaleTargetRef: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        name: childName(service, component),
      },
      minReplicas,
      maxReplicas,
      metrics: [metric],
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

/**
 * A number of the whole CqrsService that the operator serves. AverageValue divides it by the pods that exist: unlike a
 * metric of each pod it is not damped while new pods are unready.
 */
export function servedMetric(service: CqrsService, name: MetricName, perPod: number): HpaMetric {
  const { describedApiVersion: apiVersion, describedKind: kind } = metricsApi;
  return {
    type: 'Object',
    object: {
      describedObject: { apiVersion, kind, name: service.metadata.name },
      metric: { name },
      target: { type: 'AverageValue', averageValue: `${perPod}` },
    },
  };
}

/** The CPU in percent of what the containers request. */
export function cpuMetric(averageUtilization: number): HpaMetric {
  return {
    type: 'Resource',
    resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
  };
}
