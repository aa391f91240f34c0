import { relayMemoryEnv } from '@cqrs/contract/env.ts';
import type { CommandService } from '../api/v1alpha1/service-kinds.ts';
import { relayConfigMap } from './config-maps.ts';
import type { ResourceContext } from './context.ts';
import { programDeployment, type Deployment } from './program-deployment.ts';
import { kafkaEnv, postgresEnv } from './program-env.ts';

/**
 * The relay: one pod, since a replication slot serves one reader. The old pod goes before the new one comes,
 * as a new one is not ready while the old one holds the slot.
 */
export function relayDeployment(service: CommandService, context: ResourceContext): Deployment {
  return programDeployment(service, context, {
    component: 'relay',
    replicas: service.spec.suspend ? 0 : 1,
    strategy: { type: 'Recreate', rollingUpdate: null },
    env: [...postgresEnv(service, 'relay'), ...kafkaEnv(service)],
    moreEnv: Object.entries(relayMemoryEnv).map(([name, value]) => ({ name, value })),
    config: relayConfigMap(service),
    servesHttp: false,
    readinessPeriodSeconds: 5,
    defaultResources: {
      requests: { cpu: '25m', memory: '96Mi' },
      limits: { memory: '384Mi' },
    },
  });
}
