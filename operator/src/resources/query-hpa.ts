import type { QueryService } from '../api/v1alpha1/service-kinds.ts';
import { floorReplicas, type Floor, type ScalingMetric } from '../scaling/floor.ts';
import { metricNames } from '../scaling/served-metrics.ts';
import { autoscalerOf, cpuMetric, servedMetric, type HorizontalPodAutoscaler } from './hpa.ts';

// Where HPAs cannot ask for reads the floor follows them, and this lets the HPA take pods away again.
const fallbackCpuPercent = 80;

/**
 * Scales the query Deployment on the reads of the whole service. The HPA itself is as slow as its period; a burst raises
 * its floor, whose pods are 0 when there is none.
 */
export function queryHpa(
  service: QueryService,
  floor: Pick<Floor, 'replicas'>,
  metric: ScalingMetric,
): HorizontalPodAutoscaler {
  const { autoscaling } = service.spec.query;
  const { maxReplicas, readsPerSecond, scaleDownSeconds } = autoscaling;
  return autoscalerOf(service, {
    component: 'query',
    minReplicas: floorReplicas(floor, autoscaling),
    maxReplicas,
    metric:
      metric === 'reads'
        ? servedMetric(service, metricNames.reads, readsPerSecond)
        : cpuMetric(fallbackCpuPercent),
    scaleDownSeconds,
  });
}
