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
  type EnvVar,
  type PodTemplate,
  type PodTemplateInput,
  type Probe,
  type ProjectedConfigMap,
  type Volume,
} from './pod-template.ts';
import type { ProgramEnvVar } from './program-env.ts';
import { telemetryEnv } from './telemetry-env.ts';

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
  /** The null clears what the API server gives a Deployment whose strategy somebody took away; both together are refused. */
  | { readonly type: 'Recreate'; readonly rollingUpdate: null }
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
  /** What rolls the pods when it changes; the configuration alone when undefined. */
  readonly rolledBy?: Readonly<Record<string, string>>;
  /** Files of others' ConfigMaps, mounted beside the configuration. */
  readonly files?: readonly ProjectedConfigMap[];
  /** Undefined is the services image. */
  readonly image?: string | undefined;
  /** Variables that are not ours to read: what the user adds, and what the runtime itself looks at. */
  readonly moreEnv?: readonly EnvVar[];
  /** Makes the pod's containers of ours; undefined leaves ours as it is. */
  readonly containers?: (ours: ContainerInput) => Containers;
  readonly servesHttp: boolean;
  readonly readinessPeriodSeconds: number;
  readonly defaultResources: ComputeResources;
  readonly resources?: Resources | undefined;
};

type Containers = Pick<PodTemplateInput, 'container' | 'initContainers'>;

/** The user of the services image. */
export const programUserId = 65_532;

/** Names the volume and the mount of a program's configuration. */
export const configVolumeName = 'config';
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
  const { component, config, rolledBy = config.data, files = [] } = program;
  const pods = selector(service, component);
  const ours = container(service, context, program);
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
        configChecksum: checksum(rolledBy),
        userId: programUserId,
        images: context.images,
        ...(program.containers?.(ours) ?? { container: ours }),
        volumes: programVolumes(config, files),
        ...(program.servesHttp && { spreadOver: pods }),
      }),
    },
  };
}

/** The mounted config file and scratch space of a program's pod. */
function programVolumes(
  config: ConfigMap,
  files: readonly ProjectedConfigMap[] = [],
): readonly Volume[] {
  const { name } = config.metadata;
  if (files.length === 0) return [{ name: configVolumeName, configMap: { name } }, tmpVolume];
  const items = Object.keys(config.data).map((key) => ({ key, path: key }));
  const sources = [{ configMap: { name, items } }, ...files];
  return [{ name: configVolumeName, projected: { sources } }, tmpVolume];
}

/** The container of a pod that runs a file of the services image. */
export function programContainer(
  of: Pick<ContainerInput, 'name' | 'resources'> & {
    readonly file: string;
    readonly env: readonly EnvVar[];
    readonly image?: string | undefined;
  },
  context: Pick<ResourceContext, 'images' | 'logLevel'>,
): ContainerInput {
  const logLevel: ProgramEnvVar = { name: 'CQRS_LOG_LEVEL', value: context.logLevel };
  return {
    name: of.name,
    image: of.image ?? context.images.services,
    args: [of.file],
    env: [logLevel, ...of.env],
    volumeMounts: [configMount, tmpMount],
    resources: of.resources,
  };
}

function container(
  service: CqrsService,
  context: ResourceContext,
  program: Program,
): ContainerInput {
  const { component, image, servesHttp, readinessPeriodSeconds } = program;
  const env = [...program.env, ...telemetryEnv(service, component), ...(program.moreEnv ?? [])];
  const file = `services/${component}/src/main.ts`;
  const resources = computeResources(program.defaultResources, program.resources);
  return {
    ...programContainer({ name: component, file, env, image, resources }, context),
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
