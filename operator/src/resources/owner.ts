import type { CqrsService } from '../api/v1alpha1/schema.ts';
import { ownerReferenceTo } from '../kube/mapping.ts';
import type { ObjectMeta, OwnerReference } from '../kube/object.ts';
import { labels } from './labels.ts';
import { childName, type Component } from './names.ts';

export type ChildMeta = ObjectMeta & { namespace: string };

/** References of several equal owners; the object is collected when the last of them is gone. */
export function sharedOwners(services: readonly CqrsService[]): OwnerReference[] {
  return services
    .map(ownerReferenceTo)
    .map(({ apiVersion, kind, name, uid }) => ({ apiVersion, kind, name, uid }))
    .toSorted((one, other) => (one.uid < other.uid ? -1 : Number(one.uid > other.uid)));
}

/** Metadata of a component's object, which is collected when the service is gone. */
export function ownedMeta(service: CqrsService, component: Component | 'topic-cleanup'): ChildMeta {
  return { ...unownedMeta(service, component), ownerReferences: [ownerReferenceTo(service)] };
}

/** Metadata of a password Secret: with Retain it must outlive the service, like the volume it opens. */
export function secretMeta(service: CqrsService, component: Component): ChildMeta {
  return service.spec.deletionPolicy === 'Delete'
    ? ownedMeta(service, component)
    : unownedMeta(service, component);
}

function unownedMeta(service: CqrsService, component: Component | 'topic-cleanup'): ChildMeta {
  return {
    name: childName(service, component),
    namespace: service.metadata.namespace,
    labels: labels(service, component),
  };
}
