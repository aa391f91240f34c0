/**
 * Takes the local cluster down in order, politely first, and leaves nothing running, mounted or
 * routed.
 */
import { access, rm } from 'node:fs/promises';
import { ClusterError } from '../tools/cluster-error.ts';
import { ensureTools } from '../tools/tools.ts';
import { deletePods } from './bootstrap.ts';
import { kubeconfigPath } from './certificates.ts';
import type { partNames } from './cluster.ts';
import { containerd, removeContainers, unmountAll } from './containerd.ts';
import { runFolder, stateFolders } from './layout.ts';
import { findLeftovers } from './leftovers.ts';
import { withClusterLock } from './lock.ts';
import { requireLinuxRoot } from './machine.ts';
import { stopMetricsServer } from './metrics-server.ts';
import { ensureNetwork, removeNetwork } from './network.ts';
import { ensurePart, runningPid, stopPart } from './processes.ts';
import { allSteps, stepReporter } from './steps.ts';
import type { Report } from './steps.ts';

const clients = [
  'kube-controller-manager',
  'volume-provisioner',
  'kubelet',
  'kube-proxy',
  'coredns',
] as const;

/**
 * Ends pods, programs and network, in this order, and checks that none is left. Objects, images and
 * volumes stay for the next start, except pods that nothing would make again; `purge` forgets all
 * of it. Throws CLUSTER_LEFTOVER naming what stayed.
 */
export async function down(report: Report, { purge }: { purge: boolean }): Promise<void> {
  requireLinuxRoot();
  await withClusterLock(async () => {
    const step = stepReporter(report);
    const stop = async (name: (typeof partNames)[number]): Promise<void> =>
      step(name, async () => stopPart(name));
    // Pods that end are replaced, so that what the objects say of them is true; but nothing places
    // the new ones any more.
    await step('metrics-server', stopMetricsServer);
    await stop('kube-scheduler');
    await step('pods', endPods);
    await allSteps(clients.map(stop));
    await step('containers', endContainers);
    await allSteps([stop('containerd'), stop('kube-apiserver')]);
    await stop('etcd');
    await step('mounts', unmountAll);
    await step('network', removeNetwork);
    await step('leftovers', refuseLeftovers);
    if (purge) {
      await step('purge', async () => rm(stateFolders().root, { recursive: true, force: true }));
    }
  });
}

/**
 * The polite end: the kubelet stops each pod, unmounts its volumes and frees its address. What it
 * can't, is done by force later.
 */
async function endPods(): Promise<void> {
  const needed = await Promise.all(['kube-apiserver', 'kubelet', 'containerd'].map(runningPid));
  if (needed.every((pid) => pid !== undefined)) {
    const { kubectl } = await ensureTools(['kubectl'], () => undefined);
    await deletePods(kubectl, kubeconfigPath('super-admin')).catch(() => undefined);
  }
}

/** Shims outlive containerd, so it is started again if it died: only it knows what they hold. */
async function endContainers(): Promise<void> {
  if (await exists(runFolder)) {
    const names = ['containerd', 'containerd-shim-runc-v2', 'ptp', 'ctr'] as const;
    const tools = await ensureTools(names, () => undefined);
    await ensureNetwork();
    await ensurePart(containerd(tools));
    await removeContainers(tools.ctr);
  }
}

async function refuseLeftovers(): Promise<void> {
  const leftovers = await findLeftovers();
  if (leftovers.length > 0) {
    throw new ClusterError('CLUSTER_LEFTOVER', `Left: ${leftovers.join(', ')}.`);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
