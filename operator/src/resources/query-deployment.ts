import type { QueryService } from '../api/v1alpha1/service-kinds.ts';
import { queryConfig, queryConfigMap } from './config-maps.ts';
import type { ResourceContext } from './context.ts';
import { programDeployment, surge, type Deployment } from './program-deployment.ts';
import { redisEnv, tokenEnv } from './program-env.ts';

/**
 * The query API, the only part that scales with reads. `replicas` undefined leaves the field unsent: once the
 * autoscaler owns it, sending it would fight the autoscaler on every pass.
 */
export function queryDeployment(
  service: QueryService,
  context: ResourceContext,
  replicas: number | undefined,
): Deployment {
  const { query, suspend } = service.spec;
  // A schema only describes the API. The program reads it anew from the mounted file, so that a schema that changes,
  // perhaps of another team's service, costs no pod.
  const { schemas: _schemas, ...rolling } = queryConfig(service, context.siblings);
  return programDeployment(service, context, {
    component: 'query',
    replicas: suspend ? 0 : replicas,
    strategy: surge,
    env: [...redisEnv(service), ...tokenEnv],
    config: queryConfigMap(service, context.siblings),
    rolledBy: { config: JSON.stringify(rolling), tokenKey: context.outside.tokenKey },
    servesHttp: true,
    // A new replica helps only once it is ready, so it is asked every second.
    readinessPeriodSeconds: 1,
    defaultResources: {
      requests: { cpu: '20m', memory: '64Mi' },
      limits: { memory: '256Mi' },
    },
    resources: query.resources,
  });
}
