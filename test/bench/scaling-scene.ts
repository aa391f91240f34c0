import { access } from 'node:fs/promises';
import { openKubeConfig } from '../../operator/src/kube/plain-config.ts';
import { createClient, type KubeClient } from '../../operator/src/kube/client.ts';
import { buildImages } from '../cluster/images/build-images.ts';
import { status } from '../cluster/local/cluster.ts';
import { down } from '../cluster/local/down.ts';
import { stateFolders } from '../cluster/local/layout.ts';
import {
  ensureMetricsServer,
  metricsServerRuns,
  stopMetricsServer,
} from '../cluster/local/metrics-server.ts';
import { createNamespace, removeNamespace } from '../quickstart/examples.ts';
import { openCluster, type Cluster } from '../quickstart/find-cluster.ts';
import {
  imageReferences,
  installOperator,
  operatorRevision,
  rollBackOperator,
} from '../quickstart/install.ts';
import type { BenchOptions } from './figures.ts';

export const namespace = 'scaling-bench';

/** The local cluster with the operator of this very tree, a namespace, and the metrics-server. */
export type Scene = { readonly cluster: Cluster; readonly client: KubeClient };

const quiet = (): void => undefined;

/** What is set up here is taken back by `cleanUp`, in reverse: the cluster is left as it was found. */
export async function openScene(
  note: BenchOptions['note'],
  cleanUp: AsyncDisposableStack,
): Promise<Scene> {
  note('cluster: up');
  const hadState = await exists(stateFolders().root);
  const ran = (await status()).some(({ running }) => running);
  if (!ran) cleanUp.defer(async () => down(quiet, { purge: !hadState }));
  const cluster = await openCluster({ kind: 'local' }, quiet);
  const { kubectl } = cluster;
  note('images: built and loaded');
  const images = await buildImages(quiet);
  await cluster.load(images);
  note('operator: installed');
  const revision = await operatorRevision(cluster);
  cleanUp.defer(async () => rollBackOperator(cluster, revision));
  await installOperator(cluster, imageReferences(images));
  if (!(await metricsServerRuns())) cleanUp.defer(stopMetricsServer);
  await ensureMetricsServer();
  cleanUp.defer(async () => removeNamespace(kubectl, namespace));
  await removeNamespace(kubectl, namespace);
  await createNamespace(kubectl, namespace);
  const kubeConfig = await openKubeConfig({ kubeconfigPath: stateFolders().kubeconfig });
  const client = createClient({ kubeConfig });
  cleanUp.defer(async () => client.close());
  return { cluster, client };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
