import type { CommandService } from '../api/v1alpha1/service-kinds.ts';
import { commandConfigMap } from './config-maps.ts';
import type { ResourceContext } from './context.ts';
import { programDeployment, surge, type Deployment } from './program-deployment.ts';
import { postgresEnv } from './program-env.ts';

/** The command API: a fixed number of pods that reads never change. */
export function commandDeployment(service: CommandService, context: ResourceContext): Deployment {
  const { command, suspend } = service.spec;
  return programDeployment(service, context, {
    component: 'command',
    replicas: suspend ? 0 : command.replicas,
    strategy: surge,
    env: postgresEnv(service, 'command'),
    config: commandConfigMap(service),
    servesHttp: true,
    readinessPeriodSeconds: 1,
    defaultResources: {
      requests: { cpu: '25m', memory: '96Mi' },
      limits: { memory: '384Mi' },
    },
    resources: command.resources,
  });
}
