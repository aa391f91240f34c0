import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import { hasOwnProgram } from '../../api/v1alpha1/service-kinds.ts';
import { objectKey } from '../../kube/object.ts';
import type { PodRef } from '../../pods/pod-status.ts';
import type { CollectedService } from '../../scaling/collector.ts';
import { scalingMetric } from './autoscaler.ts';
import { indexes, instanceKey, type Caches } from './caches.ts';
import type { ApiServiceState } from '../../scaling/api-service.ts';
import { childName } from '../../resources/names.ts';
import type { ProjectorReading } from './events-behind.ts';
import { labelOf } from './labels.ts';
import { isReady, type Pod } from './pod.ts';
import type { StagePod } from './stage-poller.ts';
import type { StageReading } from './stage-reading.ts';

/** Every CqrsService that can be read, with its ready query pods: those whose reads are counted. */
export function collectedServices(
  caches: Caches,
  metricsApi: ApiServiceState,
): readonly CollectedService[] {
  // A service that came before its HPA or its pods would lose the floor that an earlier operator gave it, or seem to burst.
  const informers = [...caches.autoscalers.informers, ...caches.deployments.informers];
  if (!informers.every((informer) => informer.isSynced())) return [];
  return caches.services.list().flatMap((service) => {
    const key = objectKey(service);
    const scaling = scalingOf(service, caches, metricsApi);
    const pods = caches.pods.byIndex(indexes.instance, key);
    return scaling === undefined
      ? []
      : [{ key, pods: pods.filter(isReadyQuery).flatMap(podRef), ...scaling }];
  });
}

/** The ready projector pods of a CqrsService by key, with what each last said. */
export function projectorReadings(
  caches: Caches,
  key: string,
  reading: (podUid: string) => StageReading | undefined,
): readonly ProjectorReading[] {
  return caches.pods
    .byIndex(indexes.instance, key)
    .filter((pod) => labelOf(pod, 'component') === 'projector' && isReady(pod))
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => ({ pod: metadata.name, reading: reading(metadata.uid ?? '') }));
}

function scalingOf(
  service: CqrsService,
  caches: Caches,
  metricsApi: ApiServiceState,
): Pick<CollectedService, 'scaling' | 'liveFloor'> | undefined {
  const autoscaling = service.spec.query?.autoscaling;
  // What was known of it before it was suspended is not true of it when it starts again.
  if (autoscaling === undefined || service.spec.suspend) return undefined;
  const key = objectKey({
    namespace: service.metadata.namespace,
    name: childName(service, 'query'),
  });
  const { readsPerSecond, minReplicas, maxReplicas, scaleDownSeconds } = autoscaling;
  const replicas = caches.deployments.get(key)?.spec?.replicas ?? minReplicas;
  const scaleDownMs = scaleDownSeconds * 1000;
  const autoscaler = caches.autoscalers.get(key);
  const metric = scalingMetric(metricsApi, autoscaler);
  return {
    scaling: { readsPerSecond, minReplicas, maxReplicas, scaleDownMs, replicas, metric },
    liveFloor: autoscaler?.spec?.minReplicas,
  };
}

/**
 * The pods that are asked how they are: relays and projectors always, the others while they are not ready. A program of
 * the user's own answers nothing.
 */
export function stagePods(caches: Caches): readonly StagePod[] {
  return caches.pods.list().flatMap((pod) => {
    const component = labelOf(pod, 'component') ?? '';
    const isAsked =
      component === 'relay' ||
      component === 'projector' ||
      ((component === 'command' || component === 'query') && !isReady(pod));
    const { uid } = pod.metadata;
    const key = instanceKey(pod);
    if (!isAsked || uid === undefined || isOwnProgram(caches.services.get(key), component))
      return [];
    return podRef(pod).map((ref) => ({ ...ref, uid, key }));
  });
}

function isOwnProgram(service: CqrsService | undefined, component: string): boolean {
  return component === 'command' && service !== undefined && hasOwnProgram(service);
}

function isReadyQuery(pod: Pod): boolean {
  return labelOf(pod, 'component') === 'query' && isReady(pod);
}

// A pod has an address once its containers are about to start, and is not asked any more once it is to go.
function podRef({ metadata, status }: Pod): readonly PodRef[] {
  const { namespace = '', name, deletionTimestamp } = metadata;
  if (deletionTimestamp !== undefined) return [];
  if (status?.podIP === undefined || status.phase !== 'Running') return [];
  return [{ namespace, name, ip: status.podIP }];
}
