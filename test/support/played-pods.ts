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

/** Says of every Deployment and StatefulSet of a namespace that all its pods are there and ready. */
export async function playWorkloadsReady(client: KubeClient, namespace: string): Promise<void> {
  for (const type of [builtin.deployment, builtin.statefulSet]) {
    const { items } = await client.list<Workload>(type, { namespace });
    for (const workload of items) await playWorkload(client, type, workload);
  }
}

type Workload = KubeObject & { spec: { replicas?: number } };

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

/** Makes a ready pod with a template's labels, whose ops port answers with `said`. */
export async function playPod(
  client: KubeClient,
  options: { namespace: string; deployment: string; address: string; said: ServiceStatus },
): Promise<PlayedPod> {
  const { namespace, deployment, address } = options;
  type Deployment = KubeObject & {
    spec: { template: { metadata: { labels: Readonly<Record<string, string>> } } };
  };
  const owner = await client.get<Deployment>(builtin.deployment, { namespace, name: deployment });
  const name = `${deployment}-played`;
  await client.create<Manifest>(builtin.pod, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: owner.spec.template.metadata.labels },
    spec: { containers: [{ name: 'main', image: 'none' }] },
  });
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
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: now }],
  };
  await client.mergePatch(builtin.pod, { name, namespace }, { status }, { subresource: 'status' });
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
