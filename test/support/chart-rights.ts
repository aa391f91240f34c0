import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { KubeClient } from '../../operator/src/kube/client.ts';
import type { Manifest } from '../../operator/src/kube/object.ts';
import { builtin, resourcePath, type ResourceType } from '../../operator/src/kube/resource-type.ts';
import { ensureTools } from '../cluster/tools/tools.ts';
import type { ApiServer } from './apiserver.ts';
import { run } from './process.ts';

const chart = fileURLToPath(new URL('../../charts/cqrs-operator', import.meta.url));
const renderMsMax = 60_000;

/** Where the chart's release lives. */
export const releaseNamespace = 'cqrs-system';

/** A rule of a Role or ClusterRole. */
type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
};

/** A ServiceAccount, a role or a binding of the chart. */
export type Right = Manifest & { readonly rules?: readonly Rule[]; readonly subjects?: unknown };

const types = new Map<string, ResourceType>(
  [
    builtin.serviceAccount,
    builtin.role,
    builtin.roleBinding,
    builtin.clusterRole,
    builtin.clusterRoleBinding,
  ].map((type) => [type.kind, type]),
);

/** All that the chart gives the operator; `values` as for `helm --set`. */
export async function renderRights(values: readonly string[] = []): Promise<readonly Right[]> {
  const { helm } = await ensureTools(['helm'], () => undefined);
  const settings = values.flatMap((value) => ['--set', value]);
  const text = await run(
    [helm, 'template', 'cqrs-operator', chart, `--namespace=${releaseNamespace}`, ...settings],
    { timeoutMs: renderMsMax },
  );
  const documents = parseAllDocuments(text).map((document) => document.toJS() as Right | null);
  return documents.filter((document): document is Right => types.has(document?.kind ?? ''));
}

/** Creates the rights, and the release's namespace where it is not there yet. */
export async function grantRights(admin: KubeClient, rights: readonly Right[]): Promise<void> {
  await admin.apply(
    builtin.namespace,
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: releaseNamespace } },
    { fieldManager: 'test' },
  );
  for (const right of rights) {
    const type = types.get(right.kind);
    if (type !== undefined) await admin.apply(type, right, { fieldManager: 'helm' });
  }
}

/** A kubeconfig for a ServiceAccount of the release, which is made if it is not there. */
export async function serviceAccountKubeconfig(
  admin: KubeClient,
  apiServer: ApiServer,
  name: string,
): Promise<string> {
  const ref = { namespace: releaseNamespace, name };
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: ref };
  await admin.apply(builtin.serviceAccount, account, { fieldManager: 'test' });
  const { status } = await admin.request<{ status: { token: string } }>(
    'POST',
    resourcePath(builtin.serviceAccount, { ...ref, subresource: 'token' }),
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } },
  );
  return apiServer.kubeconfigOf(name, status.token);
}

/** As which user the API server knows a ServiceAccount of the release. */
export function userOf(serviceAccount: string): string {
  return `system:serviceaccount:${releaseNamespace}:${serviceAccount}`;
}
