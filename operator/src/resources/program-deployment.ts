import { configFile, ports } from '@cqrs/contract/env.ts';
import type { CqrsService, Resources } from '../api/v1alpha1/schema.ts';
import type { KubeObject } from '../kube/object.ts';
import { checksum } from './checksum.ts';
import { computeResources, type ComputeResources } from './compute-resources.ts';
import type { ConfigMap } from './config-map.ts';
import type { ResourceContext } from './context.ts';
import { labels, selector, type Labels } from './labels.ts';
import { ownedMeta } from './owner.ts';
import {
  podTemplate,
  tmpMount,
  tmpVolume,
  type ContainerInput,
  type PodTemplate,
  type Probe,
  type Volume,
} from './pod-template.ts';
import type { ProgramEnvVar } from './program-env.ts';

export type Deployment = KubeObject & {
  readonly spec: {
    readonly replicas?: number;
    readonly revisionHistoryLimit: number;
    readonly strategy: Strategy;
    readonly selector: { readonly matchLabels: Labels };
    readonly template: PodTemplate;
  };
};

type Strategy =
  | { readonly type: 'Recreate' }
  | {
      readonly type: 'RollingUpdate';
      readonly rollingUpdate: {
        readonly maxSurge: string | number;
        readonly maxUnavailable: number;
      };
    };

/** One of our four programs: what differs between their Deployments. */
export type Program = {
  readonly component: 'command' | 'relay' | 'projector' | 'query';
  /** Undefined leaves the field to the autoscaler. */
  readonly replicas: number | undefined;
  readonly strategy: Strategy;
  readonly env: readonly ProgramEnvVar[];
  readonly config: ConfigMap;
  readonly servesHttp: boolean;
  readonly readinessPeriodSeconds: number;
  readonly defaultResources: ComputeResources;
  readonly resources?: Resources | undefined;
};

/** The user of the services image. */
export const programUserId = 65_532;

const configVolumeName = 'config';
const configMount = {
  name: configVolumeName,
  mountPath: configFile.slice(0, configFile.lastIndexOf('/')),
  readOnly: true,
} as const;

/** New pods first, then the old ones go: no moment without a pod that answers. */
export const surge: Strategy = {
  type: 'RollingUpdate',
  rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 },
};

/** The Deployment of one program: the services image, its config file, its stores, probes on the ops port. */
export function programDeployment(
  service: CqrsService,
  context: ResourceContext,
  program: Program,
): Deployment {
  const { component } = program;
  const pods = selector(service, component);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: ownedMeta(service, component),
    spec: {
      ...(program.replicas !== undefined && { replicas: program.replicas }),
      revisionHistoryLimit: 3,
      strategy: program.strategy,
      selector: { matchLabels: pods },
      template: podTemplate({
        labels: labels(service, component),
        configChecksum: checksum(program.config.data),
        userId: programUserId,
        pullPolicy: context.images.pullPolicy,
        container: container(program, context),
        volumes: programVolumes(program.config),
        ...(program.servesHttp && { spreadOver: pods }),
      }),
    },
  };
}

/** The mounted config file and scratch space of a program's pod. */
export function programVolumes(config: ConfigMap): readonly Volume[] {
  return [{ name: configVolumeName, configMap: { name: config.metadata.name } }, tmpVolume];
}

/** The container of a pod that runs a file of the services image. */
export function programContainer(
  of: Pick<ContainerInput, 'name' | 'resources'> & {
    readonly file: string;
    readonly env: readonly ProgramEnvVar[];
  },
  context: ResourceContext,
): ContainerInput {
  const logLevel: ProgramEnvVar = { name: 'CQRS_LOG_LEVEL', value: context.logLevel };
  return {
    name: of.name,
    image: context.images.services,
    args: [of.file],
    env: [logLevel, ...of.env],
    volumeMounts: [configMount, tmpMount],
    resources: of.resources,
  };
}

function container(program: Program, context: ResourceContext): ContainerInput {
  const { component, servesHttp, readinessPeriodSeconds } = program;
  const file = `services/${component}/src/main.ts`;
  const resources = computeResources(program.defaultResources, program.resources);
  return {
    ...programContainer({ name: component, file, env: program.env, resources }, context),
    ports: [
      ...(servesHttp ? [{ name: 'http', containerPort: ports.http }] : []),
      { name: 'ops', containerPort: ports.ops },
    ],
    readinessProbe: {
      httpGet: { path: '/readyz', port: 'ops' },
      periodSeconds: readinessPeriodSeconds,
      timeoutSeconds: 2,
      failureThreshold: 3,
    },
    livenessProbe,
  };
}

// Being killed helps only a program that hangs, so it takes a minute of silence: a node that is short of CPU
// must not lose the pods it has.
const livenessProbe: Probe = {
  httpGet: { path: '/livez', port: 'ops' },
  initialDelaySeconds: 10,
  periodSeconds: 10,
  timeoutSeconds: 5,
  failureThreshold: 6,
};
