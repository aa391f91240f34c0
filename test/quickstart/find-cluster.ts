import { once } from 'node:events';
import { dirname } from 'node:path';
import type { Images } from '../cluster/images/image-set.ts';
import { loadImages, loadImagesIntoKind } from '../cluster/images/load-images.ts';
import { status, up } from '../cluster/local/cluster.ts';
import { down } from '../cluster/local/down.ts';
import { ensureTools } from '../cluster/tools/tools.ts';
import { runCommand } from '../terminal/run-command.ts';
import type { Update } from '../terminal/progress.ts';
import { createKubectl, type Kubectl } from './kubectl.ts';
import type { Options } from './options.ts';

/** What the quickstart needs of a cluster, whoever made it. */
export type Cluster = {
  readonly title: string;
  readonly kubectl: Kubectl;
  /** The flags by which kubectl and the operator reach it. */
  readonly connection: readonly string[];
  readonly helm: { readonly binary: string; readonly connection: readonly string[] };
  /** True when the images built here can be put into the cluster's nodes. */
  readonly loadsImages: boolean;
  readonly load: (images: Images) => Promise<void>;
  /** A URL of a Service that this machine reaches, and how to let go of it. */
  readonly reach: (
    namespace: string,
    service: string,
  ) => Promise<{ url: string; close: () => void }>;
  /** False when this very call made the cluster; what was there before is never removed as a whole. */
  readonly existed: boolean;
  /** Lines for a shell in which `kubectl` alone reaches the cluster. */
  readonly shell: readonly string[];
};

export type ClusterChoice =
  { readonly kind: 'given'; readonly context: string } | { readonly kind: 'kind' | 'local' };

const kindName = 'cqrs';
const probeTimeoutMs = 15_000;
const kindTimeoutMs = 10 * 60_000;

/** One named by --context, else kind where a Docker engine answers, else a node of our own on this machine. */
export async function chooseCluster(options: Options): Promise<ClusterChoice> {
  if (options.context !== undefined) return { kind: 'given', context: options.context };
  const docker = await runCommand('docker', ['info'], { timeoutMs: probeTimeoutMs });
  if (docker.code !== 0) return { kind: 'local' };
  const kind = await runCommand('kind', ['version'], { timeoutMs: probeTimeoutMs });
  if (kind.code === 0) return { kind: 'kind' };
  throw new Error(
    'A Docker engine runs here but kind is not on the PATH. Install it (go install sigs.k8s.io/kind@latest, or your package manager), or name a cluster with --context.',
  );
}

export async function openCluster(choice: ClusterChoice, update: Update): Promise<Cluster> {
  switch (choice.kind) {
    case 'given':
      return givenCluster(choice.context);
    case 'kind':
      return kindCluster(update);
    case 'local':
      return localCluster(update);
  }
}

async function localCluster(update: Update): Promise<Cluster> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Error(
      'No cluster to use: there is no Docker engine for kind, and a cluster of its own needs Linux and root. Start Docker and install kind, name a cluster with --context, or run as root on Linux.',
    );
  }
  const existed = (await status()).some(({ running }) => running);
  const local = await up((progress) => update({ label: progress.step }));
  const connection = ['--kubeconfig', local.kubeconfigPath, '--context', local.contextName];
  const kubectl = createKubectl(local.kubectlPath, connection);
  return {
    title: `the local cluster (context ${local.contextName})`,
    kubectl,
    connection,
    existed,
    shell: [`export KUBECONFIG=${local.kubeconfigPath} PATH=${dirname(local.kubectlPath)}:$PATH`],
    helm: {
      binary: local.helmPath,
      connection: ['--kubeconfig', local.kubeconfigPath, '--kube-context', local.contextName],
    },
    loadsImages: true,
    load: async (images) => loadImages(images, local),
    // The host has routes to the cluster's Services, so nothing stands between.
    reach: async (namespace, service) => {
      const ip = await kubectl.run([
        'get',
        'service',
        service,
        '-n',
        namespace,
        '-o',
        'jsonpath={.spec.clusterIP}',
      ]);
      return { url: `http://${ip}`, close: () => undefined };
    },
  };
}

async function kindCluster(update: Update): Promise<Cluster> {
  const existing = await runCommand('kind', ['get', 'clusters'], { timeoutMs: probeTimeoutMs });
  const existed = existing.output.split('\n').includes(kindName);
  if (!existed) {
    update({ label: 'creating a kind cluster' });
    const created = await runCommand(
      'kind',
      ['create', 'cluster', '--name', kindName, '--wait', '120s'],
      { timeoutMs: kindTimeoutMs, onLine: (line) => update({ label: line.trim() }) },
    );
    if (created.code !== 0) throw new Error(`kind could not create a cluster: ${created.output}`);
  }
  return {
    ...(await givenCluster(`kind-${kindName}`)),
    title: `kind (cluster ${kindName})`,
    existed,
  };
}

/** Ends a cluster that `openCluster` made, with everything in it; one that is down already is forgotten. */
export async function deleteCluster(kind: 'kind' | 'local', update: Update): Promise<void> {
  if (kind === 'local') {
    await down((progress) => update({ label: progress.step }), { purge: true });
    return;
  }
  const deleted = await runCommand('kind', ['delete', 'cluster', '--name', kindName], {
    timeoutMs: kindTimeoutMs,
  });
  if (deleted.code !== 0) throw new Error(`kind could not delete its cluster: ${deleted.output}`);
}

async function givenCluster(context: string): Promise<Cluster> {
  const tools = await ensureTools(['kubectl', 'helm'], () => undefined);
  const connection = ['--context', context];
  const kubectl = createKubectl(tools.kubectl, connection);
  await kubectl.run(['version']);
  const kind = /^kind-(.+)$/u.exec(context)?.[1];
  return {
    title: `the cluster of context ${context}`,
    kubectl,
    connection,
    existed: true,
    shell: [`alias kubectl='kubectl --context ${context}'`],
    helm: { binary: tools.helm, connection: ['--kube-context', context] },
    loadsImages: kind !== undefined,
    load: async (images) =>
      loadImagesIntoKind(images, { kindPath: 'kind', clusterName: kind ?? kindName }),
    reach: async (namespace, service) => portForward(kubectl, namespace, service),
  };
}

async function portForward(
  kubectl: Kubectl,
  namespace: string,
  service: string,
): Promise<{ url: string; close: () => void }> {
  const child = kubectl.start(['port-forward', '-n', namespace, `service/${service}`, ':80']);
  let output = '';
  const exited = once(child, 'exit').then(() => {
    throw new Error(`kubectl port-forward to ${service} ended: ${output}`);
  });
  const port = new Promise<string>((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
      const found = /127\.0\.0\.1:(\d+)/u.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  });
  const url = `http://127.0.0.1:${await Promise.race([port, exited])}`;
  exited.catch(() => undefined);
  return { url, close: () => child.kill() };
}
