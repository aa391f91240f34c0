import { ports } from '@cqrs/contract/env.ts';
import { hasOwnProgram, type CommandService } from '../api/v1alpha1/service-kinds.ts';
import { behaviorFiles } from './behavior-files.ts';
import { commandConfigMap } from './config-maps.ts';
import type { ResourceContext } from './context.ts';
import type { ContainerInput, PodTemplateInput } from './pod-template.ts';
import {
  programContainer,
  programDeployment,
  surge,
  type Deployment,
} from './program-deployment.ts';
import { postgresEnv, tokenEnv } from './program-env.ts';

/**
 * The command API, whose number of pods reads never change: it is fixed, or follows the CPU. With an image and without behavior it is a program
 * of the user's own, which is told where Postgres is and has to answer on port 8080.
 */
export function commandDeployment(service: CommandService, context: ResourceContext): Deployment {
  const { command, suspend } = service.spec;
  const config = commandConfigMap(service);
  return programDeployment(service, context, {
    component: 'command',
    replicas: suspend ? 0 : replicasOf(command),
    strategy: surge,
    env: [...postgresEnv(service, 'command'), ...tokenEnv],
    moreEnv: command.env ?? [],
    config,
    rolledBy: {
      ...config.data,
      ...context.outside.behaviors,
      tokenKey: context.outside.tokenKey,
    },
    files: behaviorFiles(service),
    image: command.image,
    ...(hasOwnProgram(service) && { containers: (ours) => ownProgram(ours, service, context) }),
    servesHttp: true,
    readinessPeriodSeconds: 1,
    defaultResources: {
      requests: { cpu: '25m', memory: '96Mi' },
      limits: { memory: '384Mi' },
    },
    resources: command.resources,
  });
}

// What an HPA has set would be undone by each pass that sends a number of its own.
function replicasOf({
  replicas,
  autoscaling,
}: CommandService['spec']['command']): number | undefined {
  return autoscaling === undefined ? replicas : undefined;
}

/**
 * A program that we know nothing of: it is started as its image says, once the tables are there, and is ready when it
 * listens. It is never killed for silence, since what a hang of it looks like is not known either.
 */
function ownProgram(
  { name, image, env = [], volumeMounts, resources }: ContainerInput,
  service: CommandService,
  context: ResourceContext,
): Pick<PodTemplateInput, 'container' | 'initContainers'> {
  const migrations = {
    name: 'migrations',
    file: 'services/command/src/run-migrations.ts',
    env: postgresEnv(service, 'command'),
    resources: { requests: { cpu: '25m', memory: '96Mi' }, limits: { memory: '384Mi' } },
  };
  return {
    initContainers: [programContainer(migrations, context)],
    container: {
      name,
      image,
      env,
      ports: [{ name: 'http', containerPort: ports.http }],
      volumeMounts,
      resources,
      readinessProbe: {
        tcpSocket: { port: 'http' },
        periodSeconds: 1,
        timeoutSeconds: 2,
        failureThreshold: 3,
      },
    },
  };
}
