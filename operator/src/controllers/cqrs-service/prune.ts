import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import type { KubeClient } from '../../kube/client.ts';
import { KubeError } from '../../kube/errors.ts';
import { controllerOf } from '../../kube/mapping.ts';
import { objectKey, type KubeObject } from '../../kube/object.ts';
import type { ResourceType } from '../../kube/resource-type.ts';
import { childCaches, indexes, type Caches } from './caches.ts';
import type { Desired } from './desired.ts';

/** Deletes what this CqrsService controls but no longer wants. What has no owner, as a retained Secret, stays. */
export async function pruneUndesired(
  service: CqrsService,
  desired: Desired,
  parts: { readonly caches: Caches; readonly client: KubeClient },
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Set(
    [...desired.objects, ...desired.kept].map((object) => `${object.kind}/${objectKey(object)}`),
  );
  for (const { type, byIndex } of childCaches(parts.caches)) {
    for (const child of byIndex(indexes.owner, service.metadata.uid)) {
      const isControlled = controllerOf(child)?.uid === service.metadata.uid;
      const isGoing = child.metadata.deletionTimestamp !== undefined;
      if (!isControlled || isGoing || wanted.has(`${type.kind}/${objectKey(child)}`)) continue;
      await deleteChild(parts.client, { type, child, signal });
    }
  }
}

type Deletion = {
  readonly type: ResourceType;
  readonly child: KubeObject;
  readonly signal: AbortSignal;
};

/** Deletes this very object and, by the garbage collector, what it owns. */
export async function deleteChild(
  client: KubeClient,
  { type, child, signal }: Deletion,
): Promise<void> {
  const { name, namespace, uid } = child.metadata;
  const ref = { name, ...(namespace !== undefined && { namespace }) };
  const only = uid === undefined ? {} : { uid };
  try {
    await client.delete(type, ref, { propagationPolicy: 'Background', ...only, signal });
  } catch (error) {
    // Gone already, or a new one under the old name: either way there is nothing to prune.
    if (error instanceof KubeError && (error.isNotFound || error.isConflict)) return;
    throw error;
  }
}
