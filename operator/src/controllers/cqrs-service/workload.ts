import type { KubeObject } from '../../kube/object.ts';

/** A Deployment or StatefulSet as the API server returns it, as far as a status needs it. */
export type WorkloadObject = KubeObject & {
  readonly spec?: { readonly replicas?: number };
  readonly status?: WorkloadStatus;
};

type WorkloadStatus = {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly readyReplicas?: number;
  readonly updatedReplicas?: number;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
  }[];
};

/** The state of a Deployment or StatefulSet: `ready` of `desired` pods. */
export type Workload = {
  readonly desired: number;
  readonly ready: number;
  /** Whether every pod that there is runs the present template. */
  readonly rolledOut: boolean;
  /** Why the API server refuses to create pods, as quotas and pod security policies do. */
  readonly refusal: string | undefined;
};

export function workloadOf({ metadata, spec, status = {} }: WorkloadObject): Workload {
  return {
    desired: spec?.replicas ?? 1,
    ready: status.readyReplicas ?? 0,
    rolledOut: isRolledOut(metadata.generation ?? 0, status),
    refusal: status.conditions?.find(
      ({ type, status: is }) => type === 'ReplicaFailure' && is === 'True',
    )?.message,
  };
}

// Counted against the pods there are and not those wanted, so that scaling is no rollout.
function isRolledOut(
  generation: number,
  { observedGeneration = 0, replicas = 0, updatedReplicas = 0 }: WorkloadStatus,
): boolean {
  return observedGeneration >= generation && updatedReplicas >= replicas;
}
