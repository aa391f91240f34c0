import type { KubeClient } from '../../operator/src/kube/client.ts';
import { createInformer } from '../../operator/src/kube/informer.ts';
import type { KubeObject } from '../../operator/src/kube/object.ts';
import { builtin } from '../../operator/src/kube/resource-type.ts';

/** Milliseconds since the epoch, as the load process counts them. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

type Condition = { readonly type: string; readonly status: string };
type Deployment = KubeObject & { readonly spec: { readonly replicas?: number } };
type Pod = KubeObject & {
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly { readonly state: { readonly running?: object } }[];
  };
};
type Autoscaler = KubeObject & {
  readonly spec: { readonly minReplicas: number; readonly maxReplicas: number };
};

const stages = ['created', 'scheduled', 'running', 'ready'] as const;
type Stage = (typeof stages)[number];

/** A pod that exists, and when each stage of its start was first heard of. */
export type WatchedPod = {
  readonly name: string;
  readonly ip: string;
  readonly atMs: Readonly<Partial<Record<Stage, number>>>;
};

/** What the API server told of a Deployment, its pods and its HPA, with the moments at which it was heard. */
export type ScalingWatch = {
  /** Each change of the Deployment's wished replicas, the first one being what there was. */
  readonly replicas: () => readonly { readonly atMs: number; readonly replicas: number }[];
  readonly pods: () => readonly WatchedPod[];
  /** Undefined while there is none. */
  readonly bounds: () => { readonly min: number; readonly max: number } | undefined;
  readonly stop: () => Promise<void>;
};

export type Watched = {
  readonly namespace: string;
  /** Name of the Deployment and of its HPA. */
  readonly deployment: string;
  readonly podLabels: Readonly<Record<string, string>>;
};

export async function watchScaling(client: KubeClient, watched: Watched): Promise<ScalingWatch> {
  const { namespace, deployment, podLabels } = watched;
  const named = { client, namespace, fieldSelector: `metadata.name=${deployment}` };
  const labelSelector = Object.entries(podLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const deployments = createInformer<Deployment>({ ...named, type: builtin.deployment });
  const autoscalers = createInformer<Autoscaler>({
    ...named,
    type: builtin.horizontalPodAutoscaler,
  });
  const pods = createInformer<Pod>({ client, namespace, type: builtin.pod, labelSelector });
  const replicas: { atMs: number; replicas: number }[] = [];
  const heard = new Map<string, WatchedPod>();
  deployments.onChange(({ object }) => {
    const wished = object.spec.replicas ?? 0;
    if (replicas.at(-1)?.replicas !== wished) replicas.push({ atMs: nowMs(), replicas: wished });
  });
  pods.onChange(({ type, object }) => {
    const { name } = object.metadata;
    if (type === 'deleted') heard.delete(name);
    else heard.set(name, withStages(heard.get(name), object, nowMs()));
  });
  const informers = [deployments, autoscalers, pods];
  for (const informer of informers) informer.start();
  await Promise.all(informers.map(({ synced }) => synced));
  return {
    replicas: () => replicas,
    pods: () => [...heard.values()],
    bounds: () => {
      const [autoscaler] = autoscalers.list();
      if (autoscaler === undefined) return undefined;
      return { min: autoscaler.spec.minReplicas, max: autoscaler.spec.maxReplicas };
    },
    stop: async () => {
      await Promise.all(informers.map(async (informer) => informer.stop()));
    },
  };
}

function withStages(before: WatchedPod | undefined, pod: Pod, atMs: number): WatchedPod {
  const holds = (type: string): boolean =>
    pod.status?.conditions?.some((one) => one.type === type && one.status === 'True') ?? false;
  const reached: Record<Stage, boolean> = {
    created: true,
    scheduled: holds('PodScheduled'),
    running: pod.status?.containerStatuses?.every(({ state }) => state.running) ?? false,
    ready: holds('Ready'),
  };
  const fresh = stages.filter((stage) => reached[stage] && before?.atMs[stage] === undefined);
  return {
    name: pod.metadata.name,
    ip: pod.status?.podIP ?? '',
    atMs: { ...before?.atMs, ...Object.fromEntries(fresh.map((stage) => [stage, atMs])) },
  };
}
