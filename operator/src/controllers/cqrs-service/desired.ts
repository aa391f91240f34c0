import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import {
  hasCommand,
  hasQuery,
  type CommandService,
  type QueryService,
} from '../../api/v1alpha1/service-kinds.ts';
import type { KubeObject } from '../../kube/object.ts';
import { commandDeployment } from '../../resources/command-deployment.ts';
import {
  commandConfigMap,
  projectorConfigMap,
  queryConfigMap,
  relayConfigMap,
} from '../../resources/config-maps.ts';
import type { ResourceContext } from '../../resources/context.ts';
import { queryHpa } from '../../resources/hpa.ts';
import { kafkaConfigMap } from '../../resources/kafka-config-map.ts';
import { kafkaStatefulSet } from '../../resources/kafka-stateful-set.ts';
import { commandPdb, queryPdb } from '../../resources/pod-disruption-budgets.ts';
import { postgresConfigMap } from '../../resources/postgres-config-map.ts';
import { postgresSecret } from '../../resources/postgres-secret.ts';
import { postgresStatefulSet } from '../../resources/postgres-stateful-set.ts';
import { projectorDeployment } from '../../resources/projector-deployment.ts';
import { queryDeployment } from '../../resources/query-deployment.ts';
import { redisConfigMap } from '../../resources/redis-config-map.ts';
import { redisSecret } from '../../resources/redis-secret.ts';
import { redisStatefulSet } from '../../resources/redis-stateful-set.ts';
import { relayDeployment } from '../../resources/relay-deployment.ts';
import {
  commandService,
  kafkaService,
  postgresService,
  queryService,
  redisService,
} from '../../resources/services.ts';
import type { Observed } from './observe.ts';

/** The operator's own settings, which every CqrsService shares. */
export type Settings = Pick<ResourceContext, 'images' | 'logLevel'> & {
  /** Makes a password; called only for a Secret that does not exist. */
  readonly newPassword: () => string;
};

export type Desired = {
  /** Whole objects to apply. */
  readonly objects: readonly KubeObject[];
  /** Objects that are neither applied nor pruned. */
  readonly kept: readonly KubeObject[];
  /** Objects of others that have a name of ours; they are told of and never touched. */
  readonly taken: readonly KubeObject[];
};

export const nothingDesired: Desired = { objects: [], kept: [], taken: [] };

/** The objects that should exist for a CqrsService; all other objects that it controls should not. */
export function desiredObjects(
  service: CqrsService,
  observed: Observed,
  settings: Settings,
): Desired {
  const { images, logLevel } = settings;
  const context: ResourceContext = { images, logLevel, siblings: observed.siblings };
  const { postgres, redis } = observed.secrets;
  return {
    objects: [
      ...kafkaObjects(service, observed, context),
      ...(hasCommand(service) ? commandObjects(service, observed, { context, settings }) : []),
      ...(hasQuery(service) ? queryObjects(service, observed, { context, settings }) : []),
    ],
    // A Secret that lost a key still holds the only copy of the others; one that somebody brought is theirs.
    kept: [postgres, redis].flatMap((secret) =>
      secret.state === 'incomplete' || secret.state === 'brought' ? [secret.live] : [],
    ),
    taken: [postgres, redis].flatMap((secret) => (secret.state === 'taken' ? [secret.live] : [])),
  };
}

type Objects = readonly KubeObject[];

type Inputs = { readonly context: ResourceContext; readonly settings: Settings };

// The broker belongs to the whole namespace, so each of its CqrsServices wants the same objects.
function kafkaObjects(service: CqrsService, observed: Observed, context: ResourceContext): Objects {
  const [first = service, ...rest] = observed.siblings.values();
  const users = [first, ...rest] as const;
  return [
    kafkaConfigMap(users),
    kafkaService(users),
    kafkaStatefulSet(users, { images: context.images, observed: observed.kafka }),
  ];
}

function commandObjects(
  service: CommandService,
  { secrets }: Observed,
  { context, settings }: Inputs,
): Objects {
  const { postgres } = secrets;
  const { newPassword } = settings;
  const generated = () => ({
    postgres: newPassword(),
    command: newPassword(),
    relay: newPassword(),
  });
  return [
    ...(postgres.state === 'absent' ? [postgresSecret(service, generated())] : []),
    ...(postgres.state === 'complete' ? [postgresSecret(service, postgres.passwords)] : []),
    postgresConfigMap(service),
    postgresService(service),
    postgresStatefulSet(service, context),
    commandConfigMap(service),
    commandService(service),
    commandDeployment(service, context),
    commandPdb(service),
    relayConfigMap(service),
    relayDeployment(service, context),
  ];
}

function queryObjects(
  service: QueryService,
  { secrets, siblings }: Observed,
  { context, settings }: Inputs,
): Objects {
  const { redis } = secrets;
  return [
    ...(redis.state === 'absent' ? [redisSecret(service, { redis: settings.newPassword() })] : []),
    ...(redis.state === 'complete' ? [redisSecret(service, redis.passwords)] : []),
    redisConfigMap(service),
    redisService(service),
    redisStatefulSet(service, context),
    projectorConfigMap(service, siblings),
    projectorDeployment(service, context),
    queryConfigMap(service, siblings),
    queryService(service),
    // Its replicas belong to the HPA, which starts from the API server's default of 1.
    queryDeployment(service, context, undefined),
    queryPdb(service),
    // An HPA leaves a target at zero alone and would say so for ever, so a suspended service has none.
    ...(service.spec.suspend ? [] : [queryHpa(service)]),
  ];
}
