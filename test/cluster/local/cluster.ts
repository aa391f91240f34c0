/** Brings the local cluster up and says how it is. `main.ts` tells what it is made of. */
import { ClusterError } from '../tools/cluster-error.ts';
import { ensurePackages } from '../tools/debian-packages.ts';
import { ensureTools } from '../tools/tools.ts';
import type { ToolProgress } from '../tools/tools.ts';
import { applyBootstrap, nodeIsReady } from './bootstrap.ts';
import { ensureCertificates, kubeconfigPath } from './certificates.ts';
import { containerd, ensureRunFolder } from './containerd.ts';
import { apiServer, controllerManager, etcd, scheduler } from './control-plane.ts';
import { coreDns } from './dns.ts';
import { ensureImages } from './images.ts';
import { addresses, containerdSocket, netnsPath, stateFolders } from './layout.ts';
import { withClusterLock } from './lock.ts';
import { packagesByCommand, requireLinuxRoot } from './machine.ts';
import { ensureNetwork } from './network.ts';
import { kubeProxy, kubelet } from './node-agents.ts';
import { ensurePart, lastWords, logPath, runningPid } from './processes.ts';
import type { Part } from './processes.ts';
import { allSteps, stepReporter } from './steps.ts';
import type { Report } from './steps.ts';
import { volumeProvisioner } from './storage.ts';
import { eventually } from '../../support/eventually.ts';

/** What a program needs to know to use the running cluster. All paths are absolute. */
export interface LocalCluster {
  kubeconfigPath: string;
  contextName: 'cqrs-local';
  /** The path of the network namespace, for `nsenter --net=`. */
  namespaceNetns: string;
  kubectlPath: string;
  helmPath: string;
  ctrPath: string;
  containerdSocket: string;
  hostAddress: string;
  nodeAddress: string;
  podCidr: string;
  serviceCidr: string;
}

export interface PartStatus {
  name: string;
  running: boolean;
  pid?: number;
  logPath: string;
}

const nodeReadyTimeoutMs = 90_000;

/** In the order of their start; the last one runs only where it was asked for. */
export const partNames = [
  'etcd',
  'containerd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'coredns',
  'volume-provisioner',
  'metrics-server',
] as const;

const toolsNeeded = [
  'etcd',
  'kube-apiserver',
  'kubectl',
  'kubeadm',
  'helm',
  'kube-controller-manager',
  'kubelet',
  'kube-scheduler',
  'kube-proxy',
  'containerd',
  'containerd-shim-runc-v2',
  'ctr',
  'ptp',
  'loopback',
  'host-local',
  'coredns',
] as const;

/**
 * Starts what does not run and waits until the node takes pods; with everything running it only
 * looks. Throws a ClusterError that names the part that failed and shows the end of its log.
 */
export async function up(report: Report): Promise<LocalCluster> {
  requireLinuxRoot();
  return withClusterLock(async () => {
    const step = stepReporter(report);
    const start = async (part: Part): Promise<void> =>
      step(part.name, async () => ensurePart(part));
    const tools = await ensureTools(toolsNeeded, (line) => reportBuild(line, report));
    await step('packages', async () => ensurePackages(packagesByCommand));
    await step('network', ensureNetwork);
    await step('certificates', async () => ensureCertificates(tools.kubeadm, Date.now()));
    await ensureRunFolder();
    await allSteps([
      (async () => {
        await start(etcd(tools.etcd));
        await start(apiServer(tools['kube-apiserver']));
        const superAdmin = kubeconfigPath('super-admin');
        await step('bootstrap', async () => applyBootstrap(tools.kubectl, superAdmin));
      })(),
      (async () => {
        await start(containerd(tools));
        await step('images', async () => ensureImages(tools.ctr));
      })(),
    ]);
    const heardSinceMs = await expectedHeartbeatMs();
    await allSteps([
      start(controllerManager(tools['kube-controller-manager'])),
      start(scheduler(tools['kube-scheduler'])),
      start(kubelet(tools.kubelet)),
      start(kubeProxy(tools['kube-proxy'])),
      start(coreDns(tools.coredns)),
      start(volumeProvisioner()),
    ]);
    await step('node', async () => waitForNode(tools.kubectl, heardSinceMs));
    return describe(tools);
  });
}

/** Which parts run, in the order of their start. */
export async function status(): Promise<PartStatus[]> {
  return Promise.all(
    partNames.map(async (name) => {
      const pid = await runningPid(name);
      const running = pid !== undefined;
      return { name, running, ...(running && { pid }), logPath: logPath(name) };
    }),
  );
}

/**
 * What the kubelet tells of the node counts from its start on: what an earlier one told still
 * stands in etcd.
 */
async function expectedHeartbeatMs(): Promise<number> {
  const isRunning = (await runningPid('kubelet')) !== undefined;
  const resolutionMs = 1000;
  return isRunning ? 0 : Math.floor(Date.now() / resolutionMs) * resolutionMs;
}

async function waitForNode(kubectl: string, heardSinceMs: number): Promise<void> {
  const isReady = async (): Promise<boolean> =>
    nodeIsReady(kubectl, stateFolders().kubeconfig, heardSinceMs);
  await eventually('the node to be Ready', nodeReadyTimeoutMs, isReady).catch(
    async (cause: unknown) => {
      throw new ClusterError('CLUSTER_PART_FAILED', await lastWords('kubelet'), { cause });
    },
  );
}

function describe(tools: Record<'kubectl' | 'helm' | 'ctr', string>): LocalCluster {
  return {
    kubeconfigPath: stateFolders().kubeconfig,
    contextName: 'cqrs-local',
    namespaceNetns: netnsPath,
    kubectlPath: tools.kubectl,
    helmPath: tools.helm,
    ctrPath: tools.ctr,
    containerdSocket,
    hostAddress: addresses.host,
    nodeAddress: addresses.node,
    podCidr: addresses.podCidr,
    serviceCidr: addresses.serviceCidr,
  };
}

function reportBuild({ tool, state, seconds }: ToolProgress, report: Report): void {
  if (state !== 'cached') {
    report({ step: `build ${tool}`, state: state === 'built' ? 'done' : 'running', seconds });
  }
}
