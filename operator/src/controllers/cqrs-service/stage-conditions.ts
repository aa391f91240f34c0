import type { Reason } from '../../api/v1alpha1/conditions.ts';
import { hasCommand, hasQuery } from '../../api/v1alpha1/service-kinds.ts';
import type { Part } from './observe.ts';
import {
  behind,
  fieldUnknown,
  keysHalted,
  projectionHalted,
  projectorError,
  sourceMissing,
  viewMissing,
} from './projection-checks.ts';
import { notStreaming, relayError } from './relay-checks.ts';
import {
  apiNotAsked,
  apiUnavailable,
  autoscalerAtMax,
  autoscalerBlind,
  autoscalerSilent,
} from './scaling-checks.ts';
import {
  always,
  blocked,
  conditionOf,
  down,
  downSince,
  failing,
  notAskedYet,
  notMade,
  unreachable,
  verdict,
  type Check,
  type Stage,
  type Verdict,
} from './stage-check.ts';
import type { StatusInput } from './status.ts';
import { tokenKeyStops } from './token-key-check.ts';

/** What a condition of this stage says now: the first check that finds something. */
export function stageVerdict(stage: Stage, input: StatusInput): Verdict {
  for (const check of checks[stage]) {
    const found = check(input);
    if (found !== undefined) return found;
  }
  throw new RangeError(`The checks of ${stage} end without a verdict`);
}

const notWritten: Check = ({ service }) =>
  hasCommand(service) ? undefined : verdict('True', 'NotRequested', 'The service is read-only.');

const notRead: Check = ({ service }) =>
  hasQuery(service) ? undefined : verdict('True', 'NotRequested', 'The service has no views.');

const suspended: Check = ({ service }) =>
  service.spec.suspend
    ? verdict('False', 'Suspended', 'The pods are stopped because spec.suspend is true.')
    : undefined;

const secretIncomplete: Check = ({ observed }) => {
  const found = Object.values(observed.secrets).find((secret) => secret.state === 'incomplete');
  if (found === undefined) return undefined;
  const what = `Secret ${found.live.metadata.name} lacks ${found.missing.join(' and ')}.`;
  return verdict('False', 'SecretIncomplete', what);
};

// Pods that run have read what they need; that new ones cannot start is said by Stalled.
const behaviorMissing: Check = ({ observed }) => {
  const [first] = observed.behaviors.missing;
  if (first === undefined || (observed.workloads.command?.ready ?? 0) > 0) return undefined;
  return verdict('False', 'BehaviorMissing', first);
};

// What a command pod says of a store that has never been there is no failure: that store starts with it.
const commandFailing: Check = (input) => {
  const before = conditionOf(input, 'CommandReady')?.reason;
  const wasUp = before !== undefined && afterFirstStart.includes(before);
  const hasPostgres = (input.observed.workloads.postgres?.ready ?? 0) > 0;
  return wasUp || hasPostgres ? failing('command', 'CommandFailing')(input) : undefined;
};

const afterFirstStart: readonly Reason[] = ['CommandRunning', 'PodsNotReady', 'CommandFailing'];

const stores = [
  ['postgres', 'PostgresNotReady'],
  ['kafka', 'KafkaNotReady'],
  ['redis', 'RedisNotReady'],
] as const satisfies readonly (readonly [Part, Reason])[];

function ofStores(input: StatusInput, check: typeof down): Verdict | undefined {
  const isMine: Readonly<Record<(typeof stores)[number][0], boolean>> = {
    postgres: hasCommand(input.service),
    kafka: true,
    redis: hasQuery(input.service),
  };
  for (const [part, reason] of stores.filter(([name]) => isMine[name])) {
    const found = check(part, reason)(input);
    if (found !== undefined) return found;
  }
  return undefined;
}

const checks: Readonly<Record<Stage, readonly Check[]>> = {
  StoresReady: [
    notMade('postgres'),
    (input) => (hasQuery(input.service) ? notMade('redis')(input) : undefined),
    secretIncomplete,
    // A store that only starts must not hide one that cannot.
    (input) => ofStores(input, blocked),
    (input) => ofStores(input, down),
    always('True', 'StoresRunning', 'Every store answers.'),
  ],
  CommandReady: [
    notWritten,
    notMade('command'),
    suspended,
    tokenKeyStops('command'),
    behaviorMissing,
    commandFailing,
    downSince('CommandReady', 'command'),
    always('True', 'CommandRunning', 'Commands are accepted.'),
  ],
  RelayStreaming: [
    notWritten,
    notMade('relay'),
    suspended,
    relayError,
    downSince('RelayStreaming', 'relay'),
    unreachable('relay', 'RelayUnreachable'),
    notAskedYet('RelayStreaming', 'relay'),
    notStreaming,
    always('True', 'Streaming', 'Events flow from Postgres to Kafka.'),
  ],
  ProjectionCaughtUp: [
    notRead,
    notMade('projector'),
    suspended,
    sourceMissing,
    projectionHalted,
    keysHalted,
    fieldUnknown,
    projectorError,
    downSince('ProjectionCaughtUp', 'projector'),
    unreachable('projector', 'ProjectorUnreachable'),
    notAskedYet('ProjectionCaughtUp', 'projector'),
    viewMissing,
    behind,
    always('True', 'CaughtUp', 'Every view shows what was written.'),
  ],
  QueryReady: [
    notRead,
    notMade('query'),
    suspended,
    tokenKeyStops('query'),
    failing('query', 'QueryFailing'),
    downSince('QueryReady', 'query'),
    always('True', 'QueryRunning', 'Reads are answered.'),
  ],
  ScalingActive: [
    notRead,
    notMade('query'),
    suspended,
    apiUnavailable,
    apiNotAsked,
    autoscalerSilent,
    autoscalerBlind,
    autoscalerAtMax,
    always('True', 'Scaling', 'The HPA follows the reads per second.'),
  ],
};
