import {
  conditionTypes,
  findCondition,
  named,
  setCondition,
  type Condition,
  type ConditionType,
  type Reason,
} from '../../api/v1alpha1/conditions.ts';
import type { CqrsService, CqrsServiceStatus } from '../../api/v1alpha1/schema.ts';
import type { Refusal } from './apply-desired.ts';
import type { Observed, Part } from './observe.ts';
import { isPaused } from './pause.ts';
import { errorOf, sentence, stages, verdict, type Stage, type Verdict } from './stage-check.ts';
import { stageVerdict } from './stage-conditions.ts';
import { statusColumns } from './status-columns.ts';
import { tokenKeyInvalid } from './token-key-check.ts';

export type StatusInput = {
  readonly service: CqrsService;
  readonly observed: Observed;
  /** Objects that this pass could not apply. */
  readonly refusals: readonly Refusal[];
  readonly nowMs: number;
};

/** The whole status of a CqrsService: its conditions, and what `kubectl get cqrs` shows in columns. */
export function statusOf(input: StatusInput): CqrsServiceStatus {
  const { service, observed, nowMs } = input;
  const generation = seenGeneration(service);
  const verdicts = verdictsOf(input);
  let conditions: readonly Condition[] = service.status?.conditions ?? [];
  for (const type of conditionTypes) {
    const message = named(verdicts[type].message, service);
    conditions = setCondition(conditions, { type, ...verdicts[type], message }, generation, nowMs);
  }
  return {
    ...(generation > 0 && { observedGeneration: generation }),
    conditions,
    ...statusColumns(service, observed),
  };
}

// A spec that was changed under a pause is not what the cluster holds, and tools that wait for it are to go on waiting.
function seenGeneration(service: CqrsService): number {
  const { generation = 0 } = service.metadata;
  return isPaused(service) ? Math.max(0, service.status?.observedGeneration ?? 0) : generation;
}

/** Whether something is awaited that may come without a change of any object that is watched. */
export function isUnsettled({ conditions = [] }: CqrsServiceStatus): boolean {
  return findCondition(conditions, 'Reconciling')?.status === 'True';
}

type Verdicts = Readonly<Record<ConditionType, Verdict>>;

function verdictsOf(input: StatusInput): Verdicts {
  const byStage = Object.fromEntries(
    stages.map((stage) => [stage, stageVerdict(stage, input)]),
  ) as Record<Stage, Verdict>;
  const summary = { ...input, byStage };
  return {
    Ready: firstOf(readiness, summary) ?? verdict('True', 'Available', 'Every part answers.'),
    Reconciling:
      firstOf(progress, summary) ??
      verdict('False', 'UpToDate', 'The cluster holds what the spec asks for.'),
    Stalled: firstOf(obstacles, summary) ?? verdict('False', 'UpToDate', 'Nothing is in the way.'),
    ...byStage,
  };
}

type Summary = StatusInput & { readonly byStage: Readonly<Record<Stage, Verdict>> };
type Check = (summary: Summary) => Verdict | undefined;

const schemaInvalid: Check = ({ observed }) => {
  const [first] = observed.schemaProblems;
  if (first === undefined) return undefined;
  const rest =
    observed.workloads.command === undefined
      ? 'Nothing is made until it is mended.'
      : 'What the last good one made goes on.';
  return verdict('True', 'SchemaInvalid', `${first.message} ${rest}`);
};

const refused: Check = ({ refusals }) => {
  const first = refusals.find(({ reason }) => reason !== 'Progressing');
  return first && verdict('True', first.reason, first.message);
};

// These stages stand still, or answer wrongly, until somebody decides: waiting helps nobody.
const needSomebody: readonly Reason[] = [
  'UnknownField',
  'RelayMisconfigured',
  'SlotLost',
  'SlotAhead',
  'PublicationLost',
  'TimelineChanged',
  'PgoutputMalformed',
  'TopicMismatch',
  'TopicLost',
  'EventMalformed',
  'AggregateUndeclared',
  'ProjectorMisconfigured',
  'VersionGap',
  'EventsExpired',
  'PositionAhead',
  'ProjectionHalted',
  'KeysHalted',
];

const halted: Check = ({ byStage }) => {
  const found = stages
    .map((stage) => byStage[stage])
    .find(({ reason }) => needSomebody.includes(reason));
  return found && { ...found, status: 'True' };
};

const behaviorMissing: Check = ({ observed }) => {
  const [first] = observed.behaviors.missing;
  return first === undefined ? undefined : verdict('True', 'BehaviorMissing', first);
};

const tokenKeyStalls: Check = (summary) => {
  const found = tokenKeyInvalid(summary);
  return found && { ...found, status: 'True' };
};

/** Why nothing goes on before somebody acts: `Stalled`. */
const obstacles: readonly Check[] = [
  schemaInvalid,
  refused,
  tokenKeyStalls,
  behaviorMissing,
  halted,
];

const suspended: Check = ({ service }) =>
  service.spec.suspend
    ? verdict('False', 'Suspended', 'This service is suspended: its pods are stopped.')
    : undefined;

const stalled: Check = (summary) => {
  const found = firstOf(obstacles, summary);
  return found && { ...found, status: 'False' };
};

// A service whose reads do not scale still answers them; ScalingActive says it for itself.
const answering = stages.filter((stage) => stage !== 'ScalingActive');

const stageMissing: Check = ({ byStage }) => {
  const stage = answering.find((name) => byStage[name].status !== 'True');
  if (stage === undefined) return undefined;
  const { reason, message } = byStage[stage];
  return { status: 'False', reason, message: `${stage}: ${message}` };
};

/** Why the service does not do its work: `Ready`. */
const readiness: readonly Check[] = [suspended, stalled, stageMissing];

const paused: Check = ({ service }) =>
  isPaused(service)
    ? verdict('False', 'Paused', 'The operator changes nothing of this service.')
    : undefined;

const settledByPeople: Check = (summary) => {
  const found = paused(summary) ?? suspended(summary) ?? firstOf(obstacles, summary);
  return found && { ...found, status: 'False' };
};

const outgoing: Check = ({ refusals }) => {
  const first = refusals.find(({ reason }) => reason === 'Progressing');
  return first && verdict('True', 'Progressing', first.message);
};

const notThereYet: Check = (summary) => {
  const missing = stageMissing(summary);
  return missing && verdict('True', 'Progressing', `Not everything runs yet. ${missing.message}`);
};

const rollingOut: Check = ({ observed, service }) => {
  const parts = Object.entries(observed.workloads);
  const found = parts.find(([, workload]) => !workload.rolledOut);
  if (found === undefined) return undefined;
  const [part, { givenUp }] = found;
  const what = `The ${part} pods of ${service.metadata.name} are being replaced, and the old ones still work.`;
  const problem = observed.podProblems[part as Part];
  if (problem !== undefined) return verdict('True', problem.reason, `${what} ${problem.what}`);
  if (givenUp !== undefined) return verdict('True', 'RolloutStuck', `${what} ${sentence(givenUp)}`);
  const said = saidBy(part as Part, observed);
  return verdict('True', 'Progressing', said === undefined ? what : `${what} ${said}`);
};

// The pods that are ready are not asked, so this is said by the new ones.
function saidBy(part: Part, { readings }: Observed): string | undefined {
  const error = errorOf(readings[part]);
  return error && `The new ones say: ${sentence(error.text)}`;
}

/** What the operator still waits for: `Reconciling`. */
const progress: readonly Check[] = [settledByPeople, outgoing, notThereYet, rollingOut];

function firstOf(checks: readonly Check[], summary: Summary): Verdict | undefined {
  for (const check of checks) {
    const found = check(summary);
    if (found !== undefined) return found;
  }
  return undefined;
}
