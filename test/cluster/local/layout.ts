/** Where the local cluster lives: its addresses, and its folders on disk. */
import { join } from 'node:path';
import { cacheFolder } from '../tools/tools.ts';

export const clusterName = 'cqrs-local';

/**
 * All addresses come from 198.18.0.0/15, the range kept for benchmarks (RFC 2544), so that they
 * meet no network a machine is likely to be in.
 */
export const addresses = {
  host: '198.18.0.1',
  node: '198.18.0.2',
  pairPrefixBits: 30,
  podCidr: '198.18.128.0/17',
  serviceCidr: '198.19.0.0/16',
  apiService: '198.19.0.1',
  dnsService: '198.19.0.10',
} as const;

export const dnsDomain = 'cluster.local';
export const apiServerPort = 6443;
export const apiServerUrl = `https://${addresses.node}:${apiServerPort}`;
export const hostInterface = 'cqrs-host';
export const nodeInterface = 'cqrs-node';
export const netnsPath = `/run/netns/${clusterName}`;

/**
 * Sockets and mounts lie under /run: a socket's path may have 107 bytes only, and a home folder may
 * be deep.
 */
export const runFolder = `/run/${clusterName}`;
export const containerdSocket = join(runFolder, 'containerd.sock');

/** Lies outside the folders that a purge removes. */
export const lockPath = (): string => join(cacheFolder(), 'cluster.lock');

/** What outlives a machine's restart, every path of it, in one folder. */
export function stateFolders() {
  const root = join(cacheFolder(), 'cluster');
  return {
    root,
    config: join(root, 'config'),
    pki: join(root, 'pki'),
    kubeconfigs: join(root, 'kubeconfigs'),
    logs: join(root, 'logs'),
    pids: join(root, 'pids'),
    images: join(root, 'images'),
    packages: join(root, 'packages'),
    etcd: join(root, 'etcd'),
    containerd: join(root, 'containerd'),
    kubelet: join(root, 'kubelet'),
    podLogs: join(root, 'pod-logs'),
    volumes: join(root, 'volumes'),
    kubeconfig: join(root, 'kubeconfig'),
  } as const;
}
