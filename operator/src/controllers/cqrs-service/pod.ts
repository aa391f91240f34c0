import type { KubeObject } from '../../kube/object.ts';

/** How a container ended. */
export type Terminated = {
  readonly reason?: string;
  readonly exitCode?: number;
  /** The end of the container's log, as every template of ours asks for. */
  readonly message?: string;
};

type ContainerState = {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: object;
  readonly terminated?: Terminated;
};

export type ContainerStatus = {
  readonly name: string;
  readonly image?: string;
  readonly ready?: boolean;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
};

/** What is kept of a pod in the cache. */
export type Pod = KubeObject & {
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
};

/** Whether a Service sends traffic to the pod. */
export function isReady(pod: Pod): boolean {
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready');
  return pod.metadata.deletionTimestamp === undefined && ready?.status === 'True';
}
