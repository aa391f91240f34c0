import type { QueryService } from '../api/v1alpha1/service-kinds.ts';
import { projectorConfigMap } from './config-maps.ts';
import type { ResourceContext } from './context.ts';
import { programDeployment, surge, type Deployment } from './program-deployment.ts';
import { kafkaEnv, redisEnv } from './program-env.ts';

/** The projector, which keeps every view of the service. Its replicas belong to its HPA, as those of the query API do. */
export function projectorDeployment(service: QueryService, context: ResourceContext): Deployment {
  return programDeployment(service, context, {
    component: 'projector',
    replicas: service.spec.suspend ? 0 : undefined,
    strategy: surge,
    env: [...kafkaEnv(service), ...redisEnv(service)],
    config: projectorConfigMap(service, context.siblings),
    servesHttp: false,
    readinessPeriodSeconds: 5,
    defaultResources: {
      requests: { cpu: '25m', memory: '96Mi' },
      limits: { memory: '384Mi' },
    },
  });
}
