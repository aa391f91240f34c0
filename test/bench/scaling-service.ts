import { ordersSpec } from '../../operator/src/api/v1alpha1/example-services.ts';
import { cqrsServiceType } from '../../operator/src/api/v1alpha1/schema.ts';
import { apiVersionOf } from '../../operator/src/kube/resource-type.ts';
import { metricNames, metricsApi } from '../../operator/src/scaling/served-metrics.ts';
import { untilReady } from '../quickstart/examples.ts';
import { quantity } from '../quickstart/scaling.ts';
import { untilVisible, write } from '../quickstart/traffic.ts';
import { namespace, type Scene } from './scaling-scene.ts';
import { replicasMax, targetReadsPerSecond, type Contestant } from './scaling-series.ts';

const name = 'orders';
const ref = { namespace, name };
const ordersCount = 50;

/** The name of the query side's Deployment, which the peer copies. */
export const queryDeploymentName = `${name}-query`;

const spec = {
  ...ordersSpec,
  deletionPolicy: 'Delete',
  command: { replicas: 1 },
  query: {
    ...ordersSpec.query,
    autoscaling: {
      minReplicas: 1,
      maxReplicas: replicasMax,
      readsPerSecond: targetReadsPerSecond,
      scaleDownSeconds: 5,
    },
  },
};

/** A CqrsService with documents in its view, whose query side the operator scales. */
export async function startOrders({ client, cluster }: Scene): Promise<{
  readonly contestant: Contestant;
  readonly keys: readonly string[];
}> {
  const { kind } = cqrsServiceType;
  const manifest = { apiVersion: apiVersionOf(cqrsServiceType), kind, metadata: ref, spec };
  await client.create(cqrsServiceType, manifest);
  await untilReady(cluster.kubectl, name, () => undefined, namespace);
  const command = await cluster.reach(namespace, `${name}-command`);
  const query = await cluster.reach(namespace, queryDeploymentName);
  const url = `${query.url}/orders`;
  const keys: string[] = [];
  for (let number = 0; number < ordersCount; number += 1) {
    const order = { customerId: `c${number}`, total: number };
    keys.push((await write(`${command.url}/order`, order)).id);
  }
  for (const key of keys) await untilVisible(`${url}/${key}`);
  return { contestant: contestant(client, url), keys };
}

function contestant(client: Scene['client'], url: string): Contestant {
  const podLabels = {
    'app.kubernetes.io/instance': name,
    'app.kubernetes.io/component': 'query',
  };
  return {
    url,
    watched: { namespace, deployment: queryDeploymentName, podLabels },
    setMax: async (maxReplicas) => {
      const patch = { spec: { query: { autoscaling: { maxReplicas } } } };
      await client.mergePatch(cqrsServiceType, ref, patch);
    },
    // The number sinks below the target only when the last step has left its windows.
    isSettled: async () => (await readsPerSecond(client)) <= targetReadsPerSecond,
  };
}

type MetricValues = { readonly items: readonly { readonly value: string }[] };

/** The number that the HPA is given. While there is none it is infinite, as nothing is settled. */
async function readsPerSecond(client: Scene['client']): Promise<number> {
  const { group, version, resource } = metricsApi;
  const path = `/apis/${group}/${version}/namespaces/${namespace}/${resource}/${name}/${metricNames.reads}`;
  const values = await client.request<MetricValues>('GET', path).catch(() => undefined);
  return quantity(values?.items[0]?.value) ?? Number.POSITIVE_INFINITY;
}
