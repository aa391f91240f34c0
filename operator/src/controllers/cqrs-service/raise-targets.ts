import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import type { KubeClient } from '../../kube/client.ts';
import { KubeError } from '../../kube/errors.ts';
import { objectKey, type KubeObject } from '../../kube/object.ts';
import { builtin } from '../../kube/resource-type.ts';
import { childName, components, type Component } from '../../resources/names.ts';
import { isRefusal } from './apply-desired.ts';
import type { Autoscaler } from './autoscaler.ts';
import type { Caches } from './caches.ts';
import type { WorkloadObject } from './workload.ts';

type Parts = {
  readonly caches: Pick<Caches, 'deployments' | 'autoscalers'>;
  readonly client: KubeClient;
  /** What this pass has written, which the caches show only later. */
  readonly written: readonly KubeObject[];
};

/**
 * Raises what an HPA of ours scales to the least that this HPA allows. An HPA of Kubernetes 1.36 or older only sees a new
 * floor at its next look, up to 15 s later, and would then do this very thing; a newer one is quicker, and finds it done.
 * The version in the patch keeps a number that the HPA has set since.
 */
export async function raiseTargets(
  service: CqrsService,
  parts: Parts,
  signal: AbortSignal,
): Promise<void> {
  if (service.spec.suspend) return;
  await Promise.all(components.map((component) => raiseTarget(service, component, parts, signal)));
}

async function raiseTarget(
  service: CqrsService,
  component: Component,
  { caches, client, written }: Parts,
  signal: AbortSignal,
): Promise<void> {
  const ref = { namespace: service.metadata.namespace, name: childName(service, component) };
  const target = caches.deployments.get(objectKey(ref));
  const isHpa = ({ kind, metadata }: KubeObject): boolean =>
    kind === builtin.horizontalPodAutoscaler.kind && metadata.name === ref.name;
  const hpa: Autoscaler | undefined = written.find(isHpa) ?? caches.autoscalers.get(objectKey(ref));
  const replicas = raisedReplicas(hpa, target);
  if (target === undefined || replicas === undefined) return;
  const { resourceVersion } = target.metadata;
  const patch = { metadata: { resourceVersion }, spec: { replicas } };
  try {
    await client.mergePatch(builtin.deployment, ref, patch, { subresource: 'scale', signal });
  } catch (error) {
    // It has changed, which brings the next pass, or it is gone, or somebody forbids it: then the HPA's look is awaited.
    const isExpected =
      error instanceof KubeError && (error.isConflict || error.isNotFound || isRefusal(error));
    if (!isExpected) throw error;
  }
}

/** Undefined when there are enough pods. A target at zero is stopped, and its HPA starts it. */
export function raisedReplicas(
  hpa: Pick<Autoscaler, 'spec'> | undefined,
  target: Pick<WorkloadObject, 'spec'> | undefined,
): number | undefined {
  const least = hpa?.spec?.minReplicas ?? 0;
  const present = target?.spec?.replicas ?? 0;
  return present > 0 && present < least ? least : undefined;
}
