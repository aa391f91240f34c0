import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import {
  hasCommand,
  hasQuery,
  type CommandService,
  type QueryService,
} from '../../api/v1alpha1/service-kinds.ts';
import type { KubeObject } from '../../kube/object.ts';
import { checksum } from '../../resources/checksum.ts';
import { commandDeployment } from '../../resources/command-deployment.ts';
import { commandHpa } from '../../resources/command-hpa.ts';
import {
  commandConfigMap,
  projectorConfigMap,
  queryConfigMap,
  relayConfigMap,
} from '../../resources/config-maps.ts';
import { consistencySecret, unusableTokenKey } from '../../resources/consistency-secret.ts';
import type { ResourceContext } from '../../resources/context.ts';
import { projectorHpa } from '../../resources/projector-hpa.ts';
import { queryHpa } from '../../resources/query-hpa.ts';
import { kafkaConfigMap } from '../../resources/kafka-config-map.ts';
import { kafkaStatefulSet } from '../../resources/kafka-stateful-set.ts';
import { childName } from '../../resources/names.ts';
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
import { secretKeys } from '../../resources/secret-keys.ts';
import {
  commandService,
  kafkaService,
  postgresService,
  queryService,
  redisService,
} from '../../resources/services.ts';
import { scalingMetric } from './autoscaler.ts';
import type { Observed } from './observe.ts';

/** The operator's own settings, which every CqrsService shares. */
export type Settings = Pick<ResourceContext, 'images' | 'logLevel'> & {
  /** Makes a password; called only for a Secret that does not exist. */
  readonly newPassword: () => string;
  /** Makes a key for consistency tokens; called only for a Secret that does not exist. */
  readonly newTokenKey: () => string;
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
  const secrets = Object.values(observed.secrets);
  const tokenKey = tokenKeyOf(observed, settings);
  const context: ResourceContext = {
    images,
    logLevel,
    siblings: observed.siblings,
    outside: {
      behaviors: observed.behaviors.checksums,
      tokenKey: checksum({ tokenKey: tokenKey.value, ...previousTokenKey(observed) }),
    },
  };
  const objects = [
    ...sharedObjects(service, observed, { context, settings, tokenKey }),
    ...(hasCommand(service) ? commandObjects(service, observed, { context, settings }) : []),
    ...(hasQuery(service) ? queryObjects(service, observed, { context, settings }) : []),
  ];
  const isHeldBack = (object: KubeObject): boolean =>
    waitsForBehavior(service, observed, object) || waitsForTokenKey(service, observed, object);
  return {
    objects: objects.filter((object) => !isHeldBack(object)),
    // A Secret that lost a key still holds the only copy of the others; one that somebody brought is theirs.
    kept: [
      ...secrets.flatMap((secret) =>
        secret.state === 'incomplete' || secret.state === 'brought' ? [secret.live] : [],
      ),
      ...objects.filter(isHeldBack),
    ],
    taken: secrets.flatMap((secret) => (secret.state === 'taken' ? [secret.live] : [])),
  };
}

type Objects = readonly KubeObject[];

type Inputs = { readonly context: ResourceContext; readonly settings: Settings };

/** The key of the namespace, and whether its Secret is ours to write. */
type TokenKey = { readonly value: string; readonly isOurs: boolean };

function tokenKeyOf({ secrets }: Observed, settings: Settings): TokenKey {
  const { consistency } = secrets;
  switch (consistency.state) {
    case 'absent':
      return { value: settings.newTokenKey(), isOurs: true };
    case 'complete':
      return { value: consistency.passwords.token, isOurs: true };
    case 'brought':
      return { value: consistency.live.data?.[secretKeys.token] ?? '', isOurs: false };
    // Pods that start wait for the key; those that run know it.
    case 'taken':
    case 'incomplete':
      return { value: '', isOurs: false };
  }
}

// Pods that start while keys are replaced read the other one too, so they are to start again when it comes or goes.
function previousTokenKey({ secrets }: Observed): Readonly<Record<string, string>> {
  const { consistency } = secrets;
  const name = secretKeys.previousToken;
  const previous = consistency.state === 'absent' ? undefined : consistency.live.data?.[name];
  return previous === undefined ? {} : { previous };
}

// Pods could not start without the module that they mount; those that run have read it.
function waitsForBehavior(service: CqrsService, observed: Observed, object: KubeObject): boolean {
  if (observed.behaviors.missing.length === 0 || service.spec.suspend) return false;
  return object.kind === 'Deployment' && object.metadata.name === childName(service, 'command');
}

// New pods could not start with such a key; those that run have read another, which a rollout would take from them.
function waitsForTokenKey(service: CqrsService, observed: Observed, object: KubeObject): boolean {
  if (service.spec.suspend || !isTokenKeyUnusable(observed)) return false;
  const readers = (['command', 'query'] as const).filter((part) => observed.workloads[part]);
  const names = readers.map((part) => childName(service, part));
  return object.kind === 'Deployment' && names.includes(object.metadata.name);
}

function isTokenKeyUnusable({ secrets: { consistency } }: Observed): boolean {
  switch (consistency.state) {
    case 'absent':
      return false;
    case 'taken':
    case 'incomplete':
      return true;
    case 'brought':
    case 'complete':
      return unusableTokenKey(consistency.live.data) !== undefined;
  }
}

// The broker and the key belong to the whole namespace, so each of its CqrsServices wants the same objects.
function sharedObjects(
  service: CqrsService,
  observed: Observed,
  { context, tokenKey }: Inputs & { readonly tokenKey: TokenKey },
): Objects {
  const [first = service, ...rest] = observed.siblings.values();
  const users = [first, ...rest] as const;
  return [
    kafkaConfigMap(users),
    kafkaService(users),
    kafkaStatefulSet(users, { images: context.images, observed: observed.kafka }),
    ...(tokenKey.isOurs ? [consistencySecret(users, tokenKey.value)] : []),
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
    ...(service.spec.suspend ? [] : commandHpa(service)),
    relayConfigMap(service),
    relayDeployment(service, context),
  ];
}

function queryObjects(
  service: QueryService,
  { secrets, siblings, floor, metricsApi, autoscaler }: Observed,
  { context, settings }: Inputs,
): Objects {
  const { redis } = secrets;
  // Where HPAs cannot ask for events that are behind, there is one projector, or as many as somebody set.
  const metric = scalingMetric(metricsApi, autoscaler);
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
    ...(service.spec.suspend
      ? []
      : [
          queryHpa(service, floor, metric),
          ...(metric === 'reads' ? [projectorHpa(service, siblings)] : []),
        ]),
  ];
}
