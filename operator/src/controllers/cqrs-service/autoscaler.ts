import type { KubeObject } from '../../kube/object.ts';

/** A HorizontalPodAutoscaler (autoscaling/v2) as the API server returns it, as far as a pass needs it. */
export type Autoscaler = KubeObject & {
  readonly spec?: { readonly minReplicas?: number };
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
