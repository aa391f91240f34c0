import { cqrsServiceType, type CqrsService } from '../../api/v1alpha1/schema.ts';
import { hasCommand, hasQuery } from '../../api/v1alpha1/service-kinds.ts';
import { createInformer, type Informer, type InformerOptions } from '../../kube/informer.ts';
import { ownerUidIndex } from '../../kube/mapping.ts';
import { objectKey, type KubeObject } from '../../kube/object.ts';
import { builtin, type ResourceType } from '../../kube/resource-type.ts';
import { createSharing } from '../../kube/sharing.ts';
import { mountedBehaviors } from '../../resources/behavior-files.ts';
import { foreignSelector, managedBySelector } from '../../resources/labels.ts';
import { sourceServices } from '../../resources/sources.ts';
import type { Autoscaler } from './autoscaler.ts';
import type { CleanupJob } from './deletion-step.ts';
import { labelOf } from './labels.ts';
import type { Pod } from './pod.ts';
import type { WorkloadObject } from './workload.ts';

/** One kind in all watched namespaces. */
export type Cache<T extends KubeObject> = Pick<Informer<T>, 'type' | 'get' | 'list' | 'byIndex'> & {
  readonly informers: readonly Informer<T>[];
};

/** A Secret, with its values in base64. */
export type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> };

/**
 * Everything the controller knows of the cluster without asking. Beyond CqrsServices it holds only what we made, and the
 * names and versions of the ConfigMaps that we did not make.
 */
export type Caches = {
  readonly services: Cache<CqrsService>;
  readonly pods: Cache<Pod>;
  readonly secrets: Cache<Secret>;
  readonly configMaps: Cache<KubeObject>;
  readonly kubeServices: Cache<KubeObject>;
  readonly statefulSets: Cache<WorkloadObject>;
  readonly deployments: Cache<WorkloadObject>;
  readonly disruptionBudgets: Cache<KubeObject>;
  readonly autoscalers: Cache<Autoscaler>;
  readonly jobs: Cache<CleanupJob>;
  /** Metadata alone: tells when a ConfigMap that holds a behavior changes. */
  readonly foreignConfigMaps: Cache<KubeObject>;
};

export type CachesOptions = Pick<
  InformerOptions<KubeObject>,
  'client' | 'metrics' | 'logger' | 'clock'
> & {
  /** Empty means all of them. */
  readonly namespaces: readonly string[];
};

/** Names of the indexes: `byIndex(indexes.owner, uid)`. */
export const indexes = {
  /** Children by the uid of each owner. */
  owner: 'owner',
  /** Pods by `namespace/instance`, where the instance is a CqrsService or the namespace's broker. */
  instance: 'instance',
  /** CqrsServices by namespace. */
  namespace: 'namespace',
  /** CqrsServices by the key of each other one that their views read. */
  source: 'source',
  /** CqrsServices by the key of each ConfigMap that holds a behavior of theirs. */
  behavior: 'behavior',
} as const;

// What a service shares with the others is met in each of its objects, which have some dozens of parts.
const sharedPartsMax = 16_384;

/** Makes an informer for each kind and namespace. Nothing is read before they are started. */
export function createCaches({ namespaces, ...shared }: CachesOptions): Caches {
  const cache = <T extends KubeObject>(
    type: ResourceType,
    kept: Pick<InformerOptions<T>, 'labelSelector' | 'indexers' | 'metadataOnly' | 'transform'>,
  ): Cache<T> => {
    const places = namespaces.length === 0 ? [{}] : namespaces.map((namespace) => ({ namespace }));
    const informers = places.map((place) =>
      createInformer<T>({ ...shared, type, ...place, ...kept }),
    );
    return union(type, informers);
  };
  const owned = { labelSelector: managedBySelector, indexers: { [indexes.owner]: ownerUidIndex } };
  const child = { ...owned, transform: createSharing(sharedPartsMax) };
  return {
    services: cache<CqrsService>(cqrsServiceType, {
      indexers: {
        [indexes.namespace]: ({ metadata }) => [metadata.namespace],
        [indexes.source]: sourceKeys,
        [indexes.behavior]: behaviorKeys,
      },
    }),
    pods: cache<Pod>(builtin.pod, {
      labelSelector: managedBySelector,
      indexers: { [indexes.instance]: (pod) => [instanceKey(pod)] },
      transform: trimPod,
    }),
    // A password is kept nowhere else.
    secrets: cache(builtin.secret, owned),
    configMaps: cache(builtin.configMap, child),
    kubeServices: cache(builtin.service, child),
    statefulSets: cache(builtin.statefulSet, child),
    deployments: cache(builtin.deployment, child),
    disruptionBudgets: cache(builtin.podDisruptionBudget, child),
    autoscalers: cache(builtin.horizontalPodAutoscaler, child),
    jobs: cache(builtin.job, child),
    foreignConfigMaps: cache(builtin.configMap, {
      labelSelector: foreignSelector,
      metadataOnly: true,
      transform: trimMetadata,
    }),
  };
}

/** The kinds of which a CqrsService owns objects. */
export function childCaches(caches: Caches): readonly Cache<KubeObject>[] {
  const { services: _services, pods: _pods, foreignConfigMaps: _others, ...children } = caches;
  return Object.values(children);
}

/** Every informer, to start, to stop and to ask for its health. */
export function allInformers(caches: Caches): readonly Informer<KubeObject>[] {
  return Object.values(caches).flatMap((cache: Cache<KubeObject>) => cache.informers);
}

/** `namespace/instance` of an object of ours; the key of its CqrsService, unless it is the broker's. */
export function instanceKey(object: KubeObject): string {
  const { namespace = '' } = object.metadata;
  return `${namespace}/${labelOf(object, 'instance')}`;
}

function sourceKeys(service: CqrsService): readonly string[] {
  if (!hasQuery(service)) return [];
  const { namespace } = service.metadata;
  return sourceServices(service).map((name) => objectKey({ namespace, name }));
}

function behaviorKeys(service: CqrsService): readonly string[] {
  if (!hasCommand(service)) return [];
  const { namespace } = service.metadata;
  const names = mountedBehaviors(service).map(({ configMap }) => configMap);
  return [...new Set(names)].map((name) => objectKey({ namespace, name }));
}

function union<T extends KubeObject>(
  type: ResourceType,
  informers: readonly Informer<T>[],
): Cache<T> {
  return {
    type,
    informers,
    get(key) {
      for (const informer of informers) {
        const object = informer.get(key);
        if (object !== undefined) return object;
      }
      return undefined;
    },
    list: () => informers.flatMap((informer) => informer.list()),
    byIndex: (name, value) => informers.flatMap((informer) => informer.byIndex(name, value)),
  };
}

// An annotation of kubectl repeats the whole object.
function trimMetadata({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { name, namespace, resourceVersion, uid } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(uid !== undefined && { uid }),
    },
  };
}

// Pods outnumber everything else and only their state is of use.
function trimPod({ apiVersion, kind, metadata, status }: Pod): Pod {
  const { annotations: _annotations, ...meta } = metadata;
  if (status === undefined) return { apiVersion, kind, metadata: meta };
  const { phase, podIP, conditions, initContainerStatuses, containerStatuses } = status;
  return {
    apiVersion,
    kind,
    metadata: meta,
    status: {
      ...(phase !== undefined && { phase }),
      ...(podIP !== undefined && { podIP }),
      ...(conditions !== undefined && { conditions }),
      ...(initContainerStatuses !== undefined && { initContainerStatuses }),
      ...(containerStatuses !== undefined && { containerStatuses }),
    },
  };
}
