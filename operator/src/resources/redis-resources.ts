import type { QueryService } from '../api/v1alpha1/service-kinds.ts';
import { computeResources, type ComputeResources } from './compute-resources.ts';

const defaultResources: ComputeResources = {
  requests: { cpu: '50m', memory: '64Mi' },
  limits: { memory: '512Mi' },
};

/** Compute resources of the read database, whose memory limit also bounds the data set. */
export function redisResources(service: QueryService): ComputeResources {
  return computeResources(defaultResources, service.spec.query.redis.resources);
}
