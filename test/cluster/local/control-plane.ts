/** etcd and the three programs of Kubernetes that decide. */
import { join } from 'node:path';
import { addresses, apiServerPort, apiServerUrl, dnsDomain, stateFolders } from './layout.ts';
import { kubeconfigPath } from './certificates.ts';
import { answersOk } from './probe.ts';
import type { Part } from './processes.ts';

const etcdClientUrl = 'http://127.0.0.1:2379';
const etcdPeerUrl = 'http://127.0.0.1:2380';
const etcdProbeUrl = `http://${addresses.node}:2381`;
const controllerManagerPort = 10257;
const schedulerPort = 10259;

const pki = (name: string): string => join(stateFolders().pki, name);

/**
 * etcd listens on the namespace's own loopback, where neither the host nor a pod can reach it, so
 * it needs no certificates.
 */
export function etcd(command: string): Part {
  return {
    name: 'etcd',
    command,
    args: [
      `--data-dir=${stateFolders().etcd}`,
      `--listen-client-urls=${etcdClientUrl}`,
      `--advertise-client-urls=${etcdClientUrl}`,
      `--listen-peer-urls=${etcdPeerUrl}`,
      `--initial-advertise-peer-urls=${etcdPeerUrl}`,
      `--initial-cluster=default=${etcdPeerUrl}`,
      `--listen-metrics-urls=${etcdProbeUrl}`,
      // Waiting for the disk at every write buys durability that a cluster for tests does not need.
      '--unsafe-no-fsync',
    ],
    isReady: async () => answersOk(`${etcdProbeUrl}/health`),
  };
}

export function apiServer(command: string): Part {
  return {
    name: 'kube-apiserver',
    command,
    args: [
      `--advertise-address=${addresses.node}`,
      `--secure-port=${apiServerPort}`,
      `--etcd-servers=${etcdClientUrl}`,
      `--service-cluster-ip-range=${addresses.serviceCidr}`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      '--allow-privileged=true',
      `--client-ca-file=${pki('ca.crt')}`,
      `--tls-cert-file=${pki('apiserver.crt')}`,
      `--tls-private-key-file=${pki('apiserver.key')}`,
      `--kubelet-client-certificate=${pki('apiserver-kubelet-client.crt')}`,
      `--kubelet-client-key=${pki('apiserver-kubelet-client.key')}`,
      '--kubelet-preferred-address-types=InternalIP',
      `--service-account-issuer=https://kubernetes.default.svc.${dnsDomain}`,
      `--service-account-key-file=${pki('sa.pub')}`,
      `--service-account-signing-key-file=${pki('sa.key')}`,
      // What an aggregated API (our metrics) needs: the front-proxy identity, and calls that go to
      // its endpoints.
      `--requestheader-client-ca-file=${pki('front-proxy-ca.crt')}`,
      '--requestheader-allowed-names=front-proxy-client',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-username-headers=X-Remote-User',
      `--proxy-client-cert-file=${pki('front-proxy-client.crt')}`,
      `--proxy-client-key-file=${pki('front-proxy-client.key')}`,
      '--enable-aggregator-routing=true',
    ],
    isReady: async () => answersOk(`${apiServerUrl}/readyz`),
  };
}

export function controllerManager(command: string): Part {
  return {
    name: 'kube-controller-manager',
    command,
    args: [
      ...clientFlags('controller-manager', controllerManagerPort),
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${pki('sa.key')}`,
      `--root-ca-file=${pki('ca.crt')}`,
      `--cluster-signing-cert-file=${pki('ca.crt')}`,
      `--cluster-signing-key-file=${pki('ca.key')}`,
    ],
    isReady: async () => answersOk(`https://${addresses.node}:${controllerManagerPort}/healthz`),
  };
}

export function scheduler(command: string): Part {
  return {
    name: 'kube-scheduler',
    command,
    args: clientFlags('scheduler', schedulerPort),
    isReady: async () => answersOk(`https://${addresses.node}:${schedulerPort}/healthz`),
  };
}

/** There is one of each, so waiting for a leader's lease to run out would only slow a restart. */
function clientFlags(name: 'controller-manager' | 'scheduler', port: number): string[] {
  const kubeconfig = kubeconfigPath(name);
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--client-ca-file=${pki('ca.crt')}`,
    `--requestheader-client-ca-file=${pki('front-proxy-ca.crt')}`,
    `--bind-address=${addresses.node}`,
    `--secure-port=${port}`,
    '--leader-elect=false',
  ];
}
