/**
 * The metrics-server as a process of the node: CPU and memory of pods, for HPAs that scale on them. `up` leaves it out,
 * because nothing of ours needs it; who compares with such an HPA asks for it.
 */
import { join } from 'node:path';
import { run } from '../tools/command.ts';
import { ensureTools } from '../tools/tools.ts';
import { kubeconfigPath } from './certificates.ts';
import { addresses, stateFolders } from './layout.ts';
import { withClusterLock } from './lock.ts';
import { answersOk } from './probe.ts';
import { ensurePart, runningPid, stopPart, type Part } from './processes.ts';

const name = 'metrics-server';
const namespace = 'kube-system';
const port = 10_252;
const apiService = 'v1beta1.metrics.k8s.io';
const availableTimeoutSeconds = 60;

/** Starts it on a cluster that is up, and waits until the API server passes questions on to it; pods are measured a little later. */
export async function ensureMetricsServer(): Promise<void> {
  const tools = await ensureTools([name, 'kubectl'], () => undefined);
  await withClusterLock(async () => {
    await ensurePart(metricsServer(tools[name]));
    const list = { apiVersion: 'v1', kind: 'List', items: manifests() };
    const apply = ['apply', '--server-side', '--force-conflicts', '-f', '-'];
    await kubectl(tools.kubectl, apply, JSON.stringify(list));
    const available = ['--for=condition=Available', `--timeout=${availableTimeoutSeconds}s`];
    await kubectl(tools.kubectl, ['wait', `apiservice/${apiService}`, ...available]);
  });
}

export async function metricsServerRuns(): Promise<boolean> {
  return (await runningPid(name)) !== undefined;
}

/**
 * Ends it where it runs, and takes it back from the API server if that answers: a name that nobody answers for would
 * keep namespaces from being deleted.
 */
export async function stopMetricsServer(): Promise<void> {
  if (!(await metricsServerRuns())) return;
  const tools = await ensureTools(['kubectl'], () => undefined);
  const remove = ['delete', 'apiservice', apiService, '--ignore-not-found'];
  await kubectl(tools.kubectl, remove).catch(() => undefined);
  await stopPart(name);
}

async function kubectl(command: string, args: readonly string[], input?: string): Promise<string> {
  const connection = ['--kubeconfig', kubeconfigPath('admin'), '--request-timeout=90s'];
  return run(command, [...connection, ...args], {
    timeoutMs: 100_000,
    ...(input !== undefined && { input }),
  });
}

function metricsServer(command: string): Part {
  const kubeconfig = kubeconfigPath('admin');
  return {
    name,
    command,
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--authentication-kubeconfig=${kubeconfig}`,
      `--authorization-kubeconfig=${kubeconfig}`,
      `--bind-address=${addresses.node}`,
      `--secure-port=${port}`,
      `--cert-dir=${join(stateFolders().config, name)}`,
      '--kubelet-preferred-address-types=InternalIP',
      '--kubelet-use-node-status-port',
      // The kubelet signed its certificate itself.
      '--kubelet-insecure-tls',
      // As its own manifests have it.
      '--metric-resolution=15s',
    ],
    // It calls itself ready only once it has measured a pod, and a cluster may have none.
    isReady: async () => answersOk(`https://${addresses.node}:${port}/livez`),
  };
}

/** A Service whose endpoint is the node, because no pod stands behind it, and the API that it answers for. */
function manifests(): object[] {
  const ports = [{ name: 'https', port, protocol: 'TCP' }];
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { ports: [{ ...ports[0], port: 443, targetPort: port }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${name}-node`,
        namespace,
        labels: { 'kubernetes.io/service-name': name },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: [addresses.node], conditions: { ready: true } }],
      ports,
    },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: apiService },
      spec: {
        group: 'metrics.k8s.io',
        version: 'v1beta1',
        service: { name, namespace },
        groupPriorityMinimum: 100,
        versionPriority: 100,
        insecureSkipTLSVerify: true,
      },
    },
  ];
}
