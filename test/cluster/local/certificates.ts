/**
 * Keys, certificates and kubeconfigs, made by kubeadm: it knows which names and groups each of them
 * must carry.
 */
import { X509Certificate } from 'node:crypto';
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { toolVersion } from '../tools/tools.ts';
import {
  addresses,
  apiServerPort,
  clusterName,
  containerdSocket,
  dnsDomain,
  stateFolders,
} from './layout.ts';
import { run } from '../tools/command.ts';

const renewBeforeMs = 30 * 24 * 3600 * 1000;

/**
 * The certificates that are enough for one API server which speaks to its etcd over the namespace's
 * own loopback.
 */
const certificatePhases = [
  'ca',
  'apiserver',
  'apiserver-kubelet-client',
  'front-proxy-ca',
  'front-proxy-client',
  'sa',
] as const;

const kubeconfigPhases = [
  'admin',
  'super-admin',
  'kubelet',
  'controller-manager',
  'scheduler',
] as const;

const proxyUser = 'system:kube-proxy';

/**
 * Makes the certificates and kubeconfigs that are missing, and all of them anew when they are about
 * to expire.
 */
export async function ensureCertificates(kubeadm: string, nowMs: number): Promise<void> {
  const folders = stateFolders();
  if (await isValid(join(folders.pki, 'apiserver.crt'), nowMs)) {
    return;
  }
  await rm(folders.pki, { recursive: true, force: true });
  await rm(folders.kubeconfigs, { recursive: true, force: true });
  await mkdir(folders.kubeconfigs, { recursive: true, mode: 0o700 });
  await mkdir(folders.config, { recursive: true, mode: 0o700 });
  const config = join(folders.config, 'kubeadm.yaml');
  await writeFile(config, kubeadmConfig(folders.pki, await toolVersion('kubeadm')));
  const init = ['init', 'phase'];
  for (const phase of certificatePhases) {
    const source = phase === 'sa' ? ['--cert-dir', folders.pki] : ['--config', config];
    await run(kubeadm, [...init, 'certs', phase, ...source]);
  }
  for (const phase of kubeconfigPhases) {
    const target = ['--config', config, '--kubeconfig-dir', folders.kubeconfigs];
    await run(kubeadm, [...init, 'kubeconfig', phase, ...target]);
  }
  const user = ['kubeconfig', 'user', '--config', config, '--client-name', proxyUser];
  await writeFile(kubeconfigPath('kube-proxy'), await run(kubeadm, user), { mode: 0o600 });
  const admin = await readFile(kubeconfigPath('admin'), 'utf8');
  await writeFile(folders.kubeconfig, withContextName(admin, clusterName), { mode: 0o600 });
}

export function kubeconfigPath(name: (typeof kubeconfigPhases)[number] | 'kube-proxy'): string {
  return join(stateFolders().kubeconfigs, `${name}.conf`);
}

/** A kubeconfig with one context, renamed. */
function withContextName(kubeconfig: string, name: string): string {
  const config: { contexts: { name: string }[] } = parse(kubeconfig);
  const contexts = config.contexts.map((context) => ({ ...context, name }));
  return stringify({ ...config, contexts, 'current-context': name });
}

function kubeadmConfig(certificatesDir: string, kubernetesVersion: string): string {
  const apiVersion = 'kubeadm.k8s.io/v1beta4';
  const init = {
    apiVersion,
    kind: 'InitConfiguration',
    localAPIEndpoint: { advertiseAddress: addresses.node, bindPort: apiServerPort },
    nodeRegistration: { name: clusterName, criSocket: `unix://${containerdSocket}` },
  };
  const cluster = {
    apiVersion,
    kind: 'ClusterConfiguration',
    // Without a version kubeadm asks the network for the newest.
    kubernetesVersion,
    clusterName,
    certificatesDir,
    encryptionAlgorithm: 'ECDSA-P256',
    networking: {
      dnsDomain,
      podSubnet: addresses.podCidr,
      serviceSubnet: addresses.serviceCidr,
    },
  };
  return [init, cluster].map((document) => stringify(document)).join('---\n');
}

async function isValid(certificatePath: string, nowMs: number): Promise<boolean> {
  const isComplete = await access(stateFolders().kubeconfig).then(
    () => true,
    () => false,
  );
  const text = await readFile(certificatePath).catch(() => undefined);
  if (text === undefined || !isComplete) {
    return false;
  }
  return Date.parse(new X509Certificate(text).validTo) - nowMs > renewBeforeMs;
}
