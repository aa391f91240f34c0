import type { KubeClient } from '../../operator/src/kube/client.ts';
import type { KubeObject } from '../../operator/src/kube/object.ts';
import { builtin } from '../../operator/src/kube/resource-type.ts';
import { eventually } from '../support/eventually.ts';
import { namespace, type Scene } from './scaling-scene.ts';
import { queryDeploymentName } from './scaling-service.ts';
import { replicasMax, type Contestant } from './scaling-series.ts';
import { nowMs } from './scaling-watch.ts';

const name = 'query-on-cpu';
const ref = { namespace, name };
const podLabels = { app: name };
const metadata = { ...ref, labels: podLabels };
/** Percent of its request at which the HPA wants a pod to be: what Kubernetes takes where nobody says. */
const utilization = 80;
/** The steady load's part of that, so that it is neither about to scale out nor far from it. */
const steadyShare = 0.6;
const calibrationWindows = 2;
const readyLimits = { timeoutMs: 90_000, periodMs: 250 };
const measuredLimits = { timeoutMs: 120_000, periodMs: 1_000 };

type Container = { readonly name: string; readonly resources: { readonly requests: object } };
type Deployment = KubeObject & {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly Container[] } };
  };
  readonly status?: { readonly readyReplicas?: number };
};

/** The same pods as the query Deployment's, under a Deployment, a Service and a selector of their own. */
export async function startCopy({ client, cluster }: Scene): Promise<Contestant> {
  const query = await client.get<Deployment>(builtin.deployment, {
    namespace,
    name: queryDeploymentName,
  });
  await client.create(builtin.deployment, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: podLabels },
      template: { metadata: { labels: podLabels }, spec: query.spec.template.spec },
    },
  } as KubeObject);
  const ports = [{ name: 'http', port: 80, targetPort: 'http' }];
  const spec = { selector: podLabels, ports };
  await client.create(builtin.service, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec,
  } as KubeObject);
  await eventually('the copy to be ready', readyLimits, async () => {
    const { status } = await client.get<Deployment>(builtin.deployment, ref);
    return status?.readyReplicas === 1;
  });
  const { url } = await cluster.reach(namespace, name);
  return {
    url: `${url}/orders`,
    watched: { namespace, deployment: name, podLabels },
    setMax: async (maxReplicas) => {
      await client.mergePatch(builtin.horizontalPodAutoscaler, ref, { spec: { maxReplicas } });
    },
    isSettled: async (sinceMs) => (await measuredMillicores(client, sinceMs)) !== undefined,
  };
}

/**
 * Asks for as much processor time as makes the steady load, which is on since now, 60 % of the HPA's target, measured as
 * the HPA will see it; then gives the copy its HPA.
 */
export async function scaleOnCpu(client: KubeClient): Promise<{ readonly requestMillis: number }> {
  // A process is dearer while it is young, so what is dearest of several windows is what the HPA may see of steady load.
  const windows: number[] = [];
  for (let window = 0; window < calibrationWindows; window += 1) {
    const sinceMs = nowMs();
    windows.push(
      await eventually('the copy to be measured', measuredLimits, async () =>
        measuredMillicores(client, sinceMs),
      ),
    );
  }
  const used = Math.max(...windows);
  const requestMillis = Math.max(1, Math.round(used / ((utilization / 100) * steadyShare)));
  const { spec } = await client.get<Deployment>(builtin.deployment, ref);
  const containers = spec.template.spec.containers.map((container) => ({
    ...container,
    resources: {
      ...container.resources,
      requests: { ...container.resources.requests, cpu: `${requestMillis}m` },
    },
  }));
  await client.mergePatch(builtin.deployment, ref, {
    spec: { template: { spec: { containers } } },
  });
  const resource = {
    name: 'cpu',
    target: { type: 'Utilization', averageUtilization: utilization },
  };
  await client.create(builtin.horizontalPodAutoscaler, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata,
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: 1,
      maxReplicas: replicasMax,
      metrics: [{ type: 'Resource', resource }],
      // By default it would take what one step needed for a wish of five minutes, also after the step.
      behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
    },
  } as KubeObject);
  return { requestMillis };
}

type PodMetrics = {
  readonly items: readonly {
    readonly timestamp: string;
    readonly window: string;
    readonly containers: readonly { readonly usage: { readonly cpu: string } }[];
  }[];
};

/** What the one pod used in a window that began after `sinceMs`; undefined while there is no such measurement. */
async function measuredMillicores(
  client: KubeClient,
  sinceMs: number,
): Promise<number | undefined> {
  const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`;
  const query = { labelSelector: `app=${name}` };
  const { items } = await client.request<PodMetrics>('GET', path, { query });
  const [pod, ...others] = items;
  if (pod === undefined || others.length > 0) return undefined;
  const windowMs = Number.parseFloat(pod.window) * 1000;
  if (Date.parse(pod.timestamp) - windowMs < sinceMs) return undefined;
  const nanocores = pod.containers.map(({ usage }) => Number.parseFloat(usage.cpu));
  return nanocores.reduce((sum, one) => sum + one, 0) / 1e6;
}
