import type { QueryService } from '../api/v1alpha1/service-kinds.ts';
import { metricNames } from '../scaling/served-metrics.ts';
import { autoscalerOf, servedMetric, type HorizontalPodAutoscaler } from './hpa.ts';
import { ownerOf, type Siblings } from './sources.ts';

// Each change of the number of projectors makes all of them stop for a moment to share the partitions anew.
const scaleDownSeconds = 300;

/** Scales the projector on how far its views are behind. A pod beyond the number of partitions would have nothing to do. */
export function projectorHpa(service: QueryService, siblings: Siblings): HorizontalPodAutoscaler {
  const { maxReplicas, eventsBehind } = service.spec.query.projector;
  return autoscalerOf(service, {
    component: 'projector',
    minReplicas: 1,
    maxReplicas: Math.min(maxReplicas, partitionsMax(service, siblings)),
    metric: servedMetric(service, metricNames.lag, eventsBehind),
    scaleDownSeconds,
  });
}

// Of a source that is not there now nothing is known, and pods beyond its partitions would only be idle.
function partitionsMax(service: QueryService, siblings: Siblings): number {
  const partitions = service.spec.query.views
    .flatMap(({ sources }) => sources)
    .map((source) => ownerOf(service, source, siblings)?.spec.events.partitions ?? Infinity);
  return Math.max(...partitions);
}
