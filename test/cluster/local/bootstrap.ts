/** The objects that make a running API server a usable cluster. */
import { clusterName } from './layout.ts';
import { run } from '../tools/command.ts';
import { dnsManifests } from './dns.ts';
import { storageClass } from './volumes.ts';

const requestTimeout = '--request-timeout=10s';
const graceSeconds = 10;

const rbacGroup = 'rbac.authorization.k8s.io';

/**
 * kubeadm leaves these two to a later phase: its `admin` belongs to a group that nothing binds yet
 * (only `super-admin` passes without), and the API server may not yet ask the kubelet for logs.
 */
const roleBindings = [
  bindRole('kubeadm:cluster-admins', 'cluster-admin', {
    kind: 'Group',
    name: 'kubeadm:cluster-admins',
  }),
  bindRole('cqrs-local:kubelet-api-admin', 'system:kubelet-api-admin', {
    kind: 'User',
    name: 'kube-apiserver-kubelet-client',
  }),
];

function bindRole(name: string, role: string, subject: { kind: string; name: string }): object {
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: rbacGroup, ...subject }],
  };
}

/** Lets the admin's kubeconfig do everything, and makes DNS and storage known. */
export async function applyBootstrap(kubectl: string, superAdminConfig: string): Promise<void> {
  const items = [...roleBindings, storageClass(), ...dnsManifests()];
  const list = { apiVersion: 'v1', kind: 'List', items };
  const args = ['apply', '--server-side', '--force-conflicts', '-f', '-'];
  await run(kubectl, ['--kubeconfig', superAdminConfig, requestTimeout, ...args], {
    input: JSON.stringify(list),
  });
}

/** Asks for the end of every pod and waits for it: each gets `graceSeconds` to end by itself. */
export async function deletePods(kubectl: string, kubeconfig: string): Promise<void> {
  const args = ['delete', 'pods', '--all', '--all-namespaces', `--grace-period=${graceSeconds}`];
  const timeoutSeconds = 3 * graceSeconds;
  await run(
    kubectl,
    ['--kubeconfig', kubeconfig, `--request-timeout=${timeoutSeconds}s`, ...args],
    { timeoutMs: (timeoutSeconds + graceSeconds) * 1000 },
  );
}

/**
 * True when the node takes pods: its kubelet has said Ready since `heardSinceMs` (what an earlier
 * run said still stands in etcd), the taint of a node that is not is lifted, and there is the
 * account that pods run under.
 */
export async function nodeIsReady(
  kubectl: string,
  kubeconfig: string,
  heardSinceMs: number,
): Promise<boolean> {
  const args = ['--kubeconfig', kubeconfig, requestTimeout, 'get', '-o', 'json'];
  const objects = ['node', 'serviceaccount'].map(async (kind) =>
    run(kubectl, [...args, kind, kind === 'node' ? clusterName : 'default']),
  );
  const [nodeText] = await Promise.all(objects).catch(() => []);
  if (nodeText === undefined) {
    return false;
  }
  const node: Node = JSON.parse(nodeText);
  return takesPods(node, heardSinceMs);
}

interface Node {
  spec: { taints?: { key: string }[] };
  status: { conditions: { type: string; status: string; lastHeartbeatTime: string }[] };
}

function takesPods(node: Node, heardSinceMs: number): boolean {
  const ready = node.status.conditions.find(({ type }) => type === 'Ready');
  const isHeard = Date.parse(ready?.lastHeartbeatTime ?? '') >= heardSinceMs;
  const isTainted = node.spec.taints?.some(({ key }) => key === 'node.kubernetes.io/not-ready');
  return ready?.status === 'True' && isHeard && isTainted !== true;
}
