import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import type { KubeClient } from '../../kube/client.ts';
import { KubeError } from '../../kube/errors.ts';
import { objectKey } from '../../kube/object.ts';
import { builtin } from '../../kube/resource-type.ts';
import { childName } from '../../resources/names.ts';
import { floorReplicas, type Floor } from '../../scaling/floor.ts';
import type { Caches } from './caches.ts';

type Parts = { readonly caches: Pick<Caches, 'deployments'>; readonly client: KubeClient };

/**
 * Raises the query Deployment to the floor that its HPA was given in this pass. An HPA of Kubernetes 1.36 or older only
 * sees a new floor at its next look, up to 15 s later, and would then do this very thing; a newer one is quicker, and
 * finds it done. The version in the patch keeps a number that the HPA has set since.
 */
export async function raiseTarget(
  service: CqrsService,
  floor: Pick<Floor, 'replicas'>,
  { caches, client }: Parts,
  signal: AbortSignal,
): Promise<void> {
  const ref = { namespace: service.metadata.namespace, name: childName(service, 'query') };
  const target = caches.deployments.get(objectKey(ref));
  const replicas = raisedReplicas(service, floor, target?.spec?.replicas);
  if (target === undefined || replicas === undefined) return;
  const { resourceVersion } = target.metadata;
  const patch = { metadata: { resourceVersion }, spec: { replicas } };
  try {
    await client.mergePatch(builtin.deployment, ref, patch, { subresource: 'scale', signal });
  } catch (error) {
    // It has changed, which brings the next pass, or it is gone.
    if (!(error instanceof KubeError) || (!error.isConflict && !error.isNotFound)) throw error;
  }
}

/** The pods that a burst asks for; undefined when there are as many. A target at zero is stopped, and its HPA starts it. */
export function raisedReplicas(
  { spec }: CqrsService,
  floor: Pick<Floor, 'replicas'>,
  present = 0,
): number | undefined {
  if (spec.query === undefined || spec.suspend || floor.replicas === 0 || present === 0) {
    return undefined;
  }
  const replicas = floorReplicas(floor, spec.query.autoscaling);
  return replicas > present ? replicas : undefined;
}
