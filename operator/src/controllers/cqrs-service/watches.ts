import { cqrsServiceType, type CqrsService } from '../../api/v1alpha1/schema.ts';
import { watch, type Watch } from '../../kube/controller.ts';
import { enqueueController, enqueueSelf, specChanged } from '../../kube/mapping.ts';
import { objectKey, type KubeObject } from '../../kube/object.ts';
import type { Change } from '../../kube/store.ts';
import { consistencyName, kafkaName } from '../../resources/names.ts';
import { childCaches, indexes, instanceKey, type Caches } from './caches.ts';

/**
 * What brings a CqrsService back: itself, its children and pods, what it shares with the namespace, the services it
 * reads, and the ConfigMaps that hold its behaviors.
 */
export function serviceWatches(caches: Caches): readonly Watch[] {
  const keysOfChild = childKeys(caches);
  return [
    ...caches.services.informers.flatMap((informer) => [
      watch(informer, enqueueSelf, specChanged),
      watch(informer, dependents(caches), specChanged),
    ]),
    ...childCaches(caches).flatMap((cache) =>
      cache.informers.map((informer) => watch(informer, keysOfChild)),
    ),
    ...caches.pods.informers.map((informer) => watch(informer, podKeys(caches))),
    ...caches.foreignConfigMaps.informers.map((informer) => watch(informer, behaves(caches))),
  ];
}

type KeysOf<T extends KubeObject> = (change: Change<T>) => readonly string[];

// Whether a source exists, and what it keeps, decides what its readers are told.
function dependents(caches: Caches): KeysOf<CqrsService> {
  return ({ object }) => caches.services.byIndex(indexes.source, objectKey(object)).map(objectKey);
}

function childKeys(caches: Caches): KeysOf<KubeObject> {
  const controllers = enqueueController(cqrsServiceType);
  return (change) => {
    const { name, namespace = '' } = change.object.metadata;
    const isShared = name === kafkaName || name === consistencyName;
    return isShared ? keysIn(caches, namespace) : [...controllers(change), ...unowned(change)];
  };
}

// A retained Secret has no owner, so its label says whose it is.
function unowned({ object }: Change<KubeObject>): readonly string[] {
  const isOwned = (object.metadata.ownerReferences ?? []).length > 0;
  return isOwned ? [] : [instanceKey(object)];
}

function behaves(caches: Caches): KeysOf<KubeObject> {
  return ({ object }) =>
    caches.services.byIndex(indexes.behavior, objectKey(object)).map(objectKey);
}

function podKeys(caches: Caches): KeysOf<KubeObject> {
  return ({ object }) => {
    const { namespace = '' } = object.metadata;
    const key = instanceKey(object);
    return key === objectKey({ namespace, name: kafkaName }) ? keysIn(caches, namespace) : [key];
  };
}

function keysIn(caches: Caches, namespace: string): readonly string[] {
  return caches.services.byIndex(indexes.namespace, namespace).map(objectKey);
}
