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
    readonly reason?: string;
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
  /** Why a Deployment no longer believes that its new pods become ready. */
  readonly givenUp: string | undefined;
  /** Whether pods are wanted, their controller has looked, and none exists. */
  readonly hasNoPods: boolean;
};

export function workloadOf({ metadata, spec, status = {} }: WorkloadObject): Workload {
  const { conditions = [], readyReplicas = 0, replicas = 0 } = status;
  const desired = spec?.replicas ?? 1;
  return {
    desired,
    ready: readyReplicas,
    rolledOut: isRolledOut(metadata.generation, status),
    refusal: conditions.find(({ type, status: is }) => type === 'ReplicaFailure' && is === 'True')
      ?.message,
    givenUp: conditions.find(({ reason }) => reason === 'ProgressDeadlineExceeded')?.message,
    hasNoPods: desired > 0 && replicas === 0 && isSeen(metadata.generation, status),
  };
}

/** Whether the workload's controller has looked at this generation at all. */
function isSeen(generation = 0, { observedGeneration = 0 }: WorkloadStatus): boolean {
  return observedGeneration > 0 && observedGeneration >= generation;
}

// Counted against the pods there are and not those wanted, so that scaling is no rollout.
function isRolledOut(
  generation = 0,
  { observedGeneration = 0, replicas = 0, updatedReplicas = 0 }: WorkloadStatus,
): boolean {
  return observedGeneration >= generation && updatedReplicas >= replicas;
}
