import type { Change } from './store.ts';
import { objectKey, type KubeObject, type OwnerReference } from './object.ts';
import { splitApiVersion, type ResourceType } from './resource-type.ts';

/** The reference that makes `owner` the controller of an object: it is deleted with its owner. */
export function ownerReferenceTo(owner: KubeObject): OwnerReference {
  const { name, uid } = owner.metadata;
  if (uid === undefined) throw new TypeError(`${owner.kind} ${name} was not read from the API`);
  const { apiVersion, kind } = owner;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** The one owner that controls the object, if any does. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** The changed object's own key. */
export function enqueueSelf(change: Change<KubeObject>): readonly string[] {
  return [objectKey(change.object)];
}

/**
 * The key of the owner of kind `type` that controls the changed object, whatever version the reference names. When the
 * controller changed, both the earlier and the present one get a key.
 */
export function enqueueController(
  type: ResourceType,
): (change: Change<KubeObject>) => readonly string[] {
  const ownerKey = (object: KubeObject | undefined): string[] => {
    const owner = object && controllerOf(object);
    if (!owner || owner.kind !== type.kind) return [];
    if (splitApiVersion(owner.apiVersion).group !== type.group) return [];
    const { namespace } = object.metadata;
    const placed = type.namespaced && namespace !== undefined ? { namespace } : {};
    return [objectKey({ name: owner.name, ...placed })];
  };
  return ({ object, old }) => [...new Set([...ownerKey(old), ...ownerKey(object)])];
}

/** Whether a change can matter to a reconciler of the object itself: anything but its status. */
export function specChanged({ type, object, old }: Change<KubeObject>): boolean {
  if (type !== 'updated' || old === undefined) return true;
  const [before, after] = [old.metadata, object.metadata];
  return (
    before.generation !== after.generation ||
    before.deletionTimestamp !== after.deletionTimestamp ||
    JSON.stringify([before.labels, before.annotations, before.finalizers]) !==
      JSON.stringify([after.labels, after.annotations, after.finalizers])
  );
}

/** An indexer by the uid of every owner. */
export function ownerUidIndex(object: KubeObject): readonly string[] {
  return (object.metadata.ownerReferences ?? []).map((owner) => owner.uid);
}
