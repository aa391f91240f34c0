import type { CommandService } from '../api/v1alpha1/service-kinds.ts';
import { checksum } from './checksum.ts';
import { computeResources, type ComputeResources } from './compute-resources.ts';
import type { ResourceContext } from './context.ts';
import { labels, selector } from './labels.ts';
import { storePorts } from './names.ts';
import { ownedMeta } from './owner.ts';
import {
  podTemplate,
  tmpMount,
  tmpVolume,
  type ContainerInput,
  type EnvVar,
  type Probe,
} from './pod-template.ts';
import { postgresConfigMap } from './postgres-config-map.ts';
import { secretKeys } from './secret-keys.ts';
import { dataVolumeName, lockedCommand, statefulSet, type StatefulSet } from './stateful-set.ts';

/** initdb refuses a user that /etc/passwd does not name: this one is `postgres` in the image. */
const userId = 999;
const binFolder = '/usr/lib/postgresql/17/bin';
const configFolder = '/etc/postgresql';
const volumePath = '/var/lib/postgresql/data';
// Below the mount, because a volume's root may hold a lost+found.
const dataFolder = `${volumePath}/pgdata`;

const defaultResources: ComputeResources = {
  requests: { cpu: '50m', memory: '128Mi' },
  limits: { memory: '512Mi' },
};

const volumeMounts = [
  { name: dataVolumeName, mountPath: volumePath },
  { name: 'run', mountPath: '/var/run/postgresql' },
  { name: 'config', mountPath: configFolder, readOnly: true },
  tmpMount,
];

/** The embedded write database: one Postgres on one volume, with logical replication. */
export function postgresStatefulSet(
  service: CommandService,
  context: Pick<ResourceContext, 'images'>,
): StatefulSet {
  const config = postgresConfigMap(service);
  const { storage, resources: wanted } = service.spec.command.postgres;
  const image = context.images.postgres;
  const resources = computeResources(defaultResources, wanted);
  return statefulSet({
    metadata: ownedMeta(service, 'postgres'),
    selector: selector(service, 'postgres'),
    storage,
    whenDeleted: service.spec.deletionPolicy,
    template: podTemplate({
      labels: labels(service, 'postgres'),
      configChecksum: checksum(config.data),
      userId,
      images: context.images,
      initContainers: [prepare(config.metadata.name, image, resources)],
      container: server(image, resources),
      volumes: [
        { name: 'config', configMap: { name: config.metadata.name } },
        { name: 'run', emptyDir: { sizeLimit: '16Mi' } },
        tmpVolume,
      ],
    }),
  });
}

function prepare(secretName: string, image: string, resources: ComputeResources): ContainerInput {
  const password = (name: string, key: string): EnvVar => ({
    name,
    valueFrom: { secretKeyRef: { name: secretName, key } },
  });
  return {
    name: 'prepare',
    image,
    command: lockedCommand(volumePath, ['sh', '-eu', `${configFolder}/prepare.sh`]),
    env: [
      { name: 'PGDATA', value: dataFolder },
      password('POSTGRES_PASSWORD', secretKeys.postgres),
      password('COMMAND_PASSWORD', secretKeys.command),
      password('RELAY_PASSWORD', secretKeys.relay),
    ],
    volumeMounts,
    resources,
  };
}

function server(image: string, resources: ComputeResources): ContainerInput {
  return {
    name: 'postgres',
    image,
    command: lockedCommand(volumePath, [
      `${binFolder}/postgres`,
      '-D',
      dataFolder,
      '-c',
      `config_file=${configFolder}/postgresql.conf`,
      '-c',
      `hba_file=${configFolder}/pg_hba.conf`,
    ]),
    ports: [{ name: 'postgres', containerPort: storePorts.postgres }],
    volumeMounts,
    resources,
    // Recovery after a crash replays up to max_wal_size before the first connection is taken.
    startupProbe: { ...isReady, periodSeconds: 1, failureThreshold: 300 },
    readinessProbe: { ...isReady, periodSeconds: 5, failureThreshold: 2 },
    livenessProbe: { ...isReady, periodSeconds: 10, failureThreshold: 6 },
  };
}

const isReady: Pick<Probe, 'timeoutSeconds'> & { readonly exec: { readonly command: string[] } } = {
  exec: {
    command: [`${binFolder}/pg_isready`, '-h', '127.0.0.1', '-p', `${storePorts.postgres}`, '-q'],
  },
  timeoutSeconds: 5,
};
