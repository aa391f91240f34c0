import type { KubeObject } from '../../kube/object.ts';
import type { ApiServiceState } from '../../scaling/api-service.ts';
import type { ScalingMetric } from '../../scaling/floor.ts';

/** A HorizontalPodAutoscaler (autoscaling/v2) as the API server returns it, as far as a pass needs it. */
export type Autoscaler = KubeObject & {
  readonly spec?: {
    readonly minReplicas?: number;
    readonly metrics?: readonly { readonly type: string }[];
  };
  readonly status?: {
    readonly desiredReplicas?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
};

/**
 * What the HPA is to go by: the reads where HPAs ask us, else the CPU. An API of ours that does not answer for a moment
 * changes nothing, and as long as nobody has looked at whose it is, what the HPA has stays.
 */
export function scalingMetric(
  { state }: Pick<ApiServiceState, 'state'>,
  live: Autoscaler | undefined,
): ScalingMetric {
  switch (state) {
    case 'ours':
    case 'unavailable':
      return 'reads';
    case 'foreign':
    case 'absent':
      return 'cpu';
    case 'unknown':
      return live?.spec?.metrics?.some(({ type }) => type === 'Resource') ? 'cpu' : 'reads';
  }
}
