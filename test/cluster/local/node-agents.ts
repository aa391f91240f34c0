/**
 * The two programs of Kubernetes that run on each node: the kubelet runs pods, kube-proxy makes
 * Services reachable.
 */
import { join } from 'node:path';
import { addresses, clusterName, containerdSocket, dnsDomain, stateFolders } from './layout.ts';
import { kubeconfigPath } from './certificates.ts';
import { answersOk } from './probe.ts';
import type { Part } from './processes.ts';

const kubeletProbePort = 10248;
const proxyProbePort = 10256;

export function kubelet(command: string): Part {
  const folders = stateFolders();
  const configPath = join(folders.config, 'kubelet.json');
  const resolvPath = join(folders.config, 'resolv.conf');
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(folders.pki, 'ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    // Machines without systemd may still have version 1 of control groups, and machines for builds
    // often have swap.
    failCgroupV1: false,
    failSwapOn: false,
    clusterDNS: [addresses.dnsService],
    clusterDomain: dnsDomain,
    resolvConf: resolvPath,
    healthzBindAddress: addresses.node,
    healthzPort: kubeletProbePort,
    podLogsDir: folders.podLogs,
    volumePluginDir: join(folders.kubelet, 'volume-plugins'),
    // The disk is shared with whatever else the machine does: a full one must not evict pods.
    evictionHard: {
      'imagefs.available': '0%',
      'imagefs.inodesFree': '0%',
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
      'memory.available': '0%',
    },
    imageGCHighThresholdPercent: 100,
  };
  return {
    name: 'kubelet',
    command,
    args: [
      `--config=${configPath}`,
      `--kubeconfig=${kubeconfigPath('kubelet')}`,
      `--root-dir=${folders.kubelet}`,
      `--cert-dir=${join(folders.kubelet, 'pki')}`,
      `--hostname-override=${clusterName}`,
      `--node-ip=${addresses.node}`,
    ],
    path: ['/usr/sbin', '/sbin'],
    files: {
      [configPath]: JSON.stringify(config, undefined, 2),
      [resolvPath]: `nameserver ${addresses.dnsService}\n`,
    },
    isReady: async () => answersOk(`http://${addresses.node}:${kubeletProbePort}/healthz`),
  };
}

export function kubeProxy(command: string): Part {
  const configPath = join(stateFolders().config, 'kube-proxy.json');
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: kubeconfigPath('kube-proxy') },
    clusterCIDR: addresses.podCidr,
    hostnameOverride: clusterName,
    healthzBindAddress: `${addresses.node}:${proxyProbePort}`,
    // The limits of connection tracking belong to the host and can't be set from a namespace; 0
    // leaves them alone.
    conntrack: { maxPerCore: 0, min: 0 },
  };
  return {
    name: 'kube-proxy',
    command,
    args: [`--config=${configPath}`],
    path: ['/usr/sbin', '/sbin'],
    files: { [configPath]: JSON.stringify(config, undefined, 2) },
    isReady: async () => answersOk(`http://${addresses.node}:${proxyProbePort}/healthz`),
  };
}
