import { once } from 'node:events';
import { createServer } from 'node:http';
import { ports } from '@cqrs/contract/env.ts';
import type { ServiceStatus } from '@cqrs/contract/ops-status.ts';
import type { KubeClient } from '../../operator/src/kube/client.ts';
import type { KubeObject, Manifest } from '../../operator/src/kube/object.ts';
import { builtin, type ResourceType } from '../../operator/src/kube/resource-type.ts';

/** A pod that runs nowhere: its status answers on an address of loopback, which must be its own (127.x.y.z). */
export type PlayedPod = {
  say(status: ServiceStatus): void;
  /** Stops answering; the pod's object stays. */
  fallSilent(): Promise<void>;
};

/** Says of every Deployment and StatefulSet of a namespace, but those named, that all its pods are there and ready. */
export async function playWorkloadsReady(
  client: KubeClient,
  namespace: string,
  except: readonly string[] = [],
): Promise<void> {
  for (const type of [builtin.deployment, builtin.statefulSet]) {
    const { items } = await client.list<Workload>(type, { namespace });
    const ready = items.filter(({ metadata }) => !except.includes(metadata.name));
    for (const workload of ready) await playWorkload(client, type, workload);
  }
}

type Workload = KubeObject & {
  readonly spec: {
    readonly replicas?: number;
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: object;
    };
  };
};

async function playWorkload(
  client: KubeClient,
  type: ResourceType,
  workload: Workload,
): Promise<void> {
  const { name, namespace = '', generation } = workload.metadata;
  const replicas = workload.spec.replicas ?? 1;
  const status = {
    observedGeneration: generation,
    replicas,
    updatedReplicas: replicas,
    readyReplicas: replicas,
    availableReplicas: replicas,
  };
  await client.mergePatch(type, { name, namespace }, { status }, { subresource: 'status' });
}

/** A Deployment or StatefulSet by its name. */
export async function findWorkload(
  client: KubeClient,
  namespace: string,
  name: string,
): Promise<Workload> {
  const type = isStore(name) ? builtin.statefulSet : builtin.deployment;
  return client.get<Workload>(type, { namespace, name });
}

function isStore(name: string): boolean {
  return /-(?:postgres|redis|kafka)$/.test(name);
}

/** Makes a pod of a Deployment or StatefulSet and says of it what a scheduler and a kubelet would. Gives its name. */
export async function playPodStatus(
  client: KubeClient,
  options: { namespace: string; workload: string; status: object; name?: string },
): Promise<string> {
  const { namespace, workload, status } = options;
  const { spec } = await findWorkload(client, namespace, workload);
  const { name = isStore(workload) ? `${workload}-0` : `${workload}-played` } = options;
  await client.create<Manifest>(builtin.pod, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: spec.template.metadata.labels },
    spec: { containers: [{ name: 'main', image: 'none' }] },
  });
  await client.mergePatch(builtin.pod, { name, namespace }, { status }, { subresource: 'status' });
  return name;
}

/** Makes a pod with a template's labels, ready unless told otherwise, whose ops port answers with `said`. */
export async function playPod(
  client: KubeClient,
  options: {
    namespace: string;
    deployment: string;
    address: string;
    said: ServiceStatus;
    ready?: boolean;
  },
): Promise<PlayedPod> {
  const { namespace, deployment, address, ready = true } = options;
  let { said } = options;
  const server = createServer((_request, reply) => {
    reply.setHeader('content-type', 'application/json').end(JSON.stringify(said));
  });
  server.listen(ports.ops, address);
  await once(server, 'listening');
  const now = new Date().toISOString();
  const status = {
    phase: 'Running',
    podIP: address,
    podIPs: [{ ip: address }],
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: now }],
  };
  await playPodStatus(client, { namespace, workload: deployment, status });
  return {
    say: (next) => void (said = next),
    async fallSilent() {
      if (!server.listening) return;
      server.closeAllConnections();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
