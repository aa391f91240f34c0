import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import type { KubeClient } from '../../kube/client.ts';
import { objectKey } from '../../kube/object.ts';
import { apiVersionOf, builtin } from '../../kube/resource-type.ts';
import { childName } from '../../resources/names.ts';
import type { Caches } from './caches.ts';

const fieldManager = 'cqrs-operator/replicas';

type Parts = {
  readonly caches: Pick<Caches, 'deployments' | 'autoscalers'>;
  readonly client: KubeClient;
};

/**
 * Keeps the number of command pods when an HPA is about to take it over. The pass that no longer sends it would otherwise
 * give the field up, and the API server would fill in 1 (Kubernetes' "Migrating Deployments and StatefulSets to horizontal
 * autoscaling"): so a second manager owns it as it is, until the HPA writes another.
 */
export async function handOverReplicas(
  service: CqrsService,
  { caches, client }: Parts,
  signal: AbortSignal,
): Promise<void> {
  if (service.spec.command?.autoscaling === undefined || service.spec.suspend) return;
  const ref = { namespace: service.metadata.namespace, name: childName(service, 'command') };
  const replicas = caches.deployments.get(objectKey(ref))?.spec?.replicas ?? 0;
  if (replicas === 0 || caches.autoscalers.get(objectKey(ref)) !== undefined) return;
  const { kind } = builtin.deployment;
  const apiVersion = apiVersionOf(builtin.deployment);
  const owned = { apiVersion, kind, metadata: ref, spec: { replicas } };
  await client.apply(builtin.deployment, owned, { fieldManager, signal });
}
