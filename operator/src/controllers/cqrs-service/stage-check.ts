import {
  explain,
  findCondition,
  type Condition,
  type ConditionStatus,
  type ConditionType,
  type Reason,
} from '../../api/v1alpha1/conditions.ts';
import type { Observed, Part } from './observe.ts';
import type { PodProblem } from './pod-problems.ts';
import { haltReasons, projectorReasons } from './projection-reasons.ts';
import { relayReasons } from './relay-reasons.ts';
import { mergedViews, type Answer, type StageReading, type ViewReading } from './stage-reading.ts';
import type { StatusInput } from './status.ts';

/** The conditions that each speak of one stage between a command and a read, in that order. */
export const stages = [
  'StoresReady',
  'CommandReady',
  'RelayStreaming',
  'ProjectionCaughtUp',
  'QueryReady',
  'ScalingActive',
] as const satisfies readonly ConditionType[];

export type Stage = (typeof stages)[number];

export type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

/** One thing that a condition can say, if it applies. Checks stand in lists, whose order is their priority. */
export type Check = (input: StatusInput) => Verdict | undefined;

/** The last of a list: nothing was found. */
export const always =
  (status: ConditionStatus, reason: Reason, message: string): Check =>
  () =>
    verdict(status, reason, message);

/** No pod of a part is ready: what its pods show, else `reason`. */
export const down =
  (part: Part, reason: Reason): Check =>
  ({ observed }) => {
    const workload = observed.workloads[part];
    if (workload !== undefined && workload.ready > 0) return undefined;
    const found = standstill(part, observed) ?? { reason, what: `No ${part} pod is ready.` };
    const hint = observed.hints[part];
    return verdict('False', found.reason, hint ? `${found.what} ${hint.says}` : found.what);
  };

/** As `down`, of a part that is known to need more than time. */
export const blocked =
  (part: Part, reason: Reason): Check =>
  (input) => {
    const { observed } = input;
    const isKnown = standstill(part, observed) !== undefined || observed.hints[part] !== undefined;
    return isKnown ? down(part, reason)(input) : undefined;
  };

/** Why a part without a ready pod does not get one by waiting, as far as its pods and their controller show. */
function standstill(
  part: Part,
  { podProblems, workloads, hints }: Observed,
): PodProblem | undefined {
  const problem = podProblems[part];
  if (problem !== undefined) return problem;
  const { refusal, givenUp } = workloads[part] ?? {};
  if (refusal !== undefined) {
    return {
      reason: 'PodsForbidden',
      what: `Pods of ${part} are not allowed: ${sentence(refusal)}`,
    };
  }
  const said = hints[part]?.reason ?? undefined;
  if (said !== undefined) return { reason: said, what: `No ${part} pod can start.` };
  if (givenUp === undefined) return undefined;
  return {
    reason: 'RolloutStuck',
    what: `No ${part} pod has become ready in time: ${sentence(givenUp)}`,
  };
}

/** A part that waits for a good schema before it is made at all, so that it has no pods to look at. */
export const notMade =
  (part: Part): Check =>
  ({ observed }) => {
    const [first] = observed.schemaProblems;
    if (first === undefined || observed.workloads[part] !== undefined) return undefined;
    const what = `Nothing is made here until the schema of aggregate ${first.aggregate} is mended.`;
    return verdict('False', 'SchemaInvalid', what);
  };

/** As `down`; a part that was never up is starting, one that was is missed. */
export const downSince =
  (type: Stage, part: Part): Check =>
  (input) => {
    const before = conditionOf(input, type);
    const wasUp = before?.status === 'True' || before?.reason === 'PodsNotReady';
    return down(part, wasUp ? 'PodsNotReady' : 'Starting')(input);
  };

/** What keeps the pods of a part from working, in their own words. */
export const failing =
  (part: Part, reason: Reason): Check =>
  ({ observed }) => {
    if ((observed.workloads[part]?.ready ?? 0) > 0 || observed.podProblems[part]) return undefined;
    const error = errorOf(observed.readings[part]);
    return error && verdict('False', reason, `The ${part} pods say: ${sentence(error.text)}`);
  };

/** Pods are ready but cannot be asked. */
export const unreachable =
  (part: Part, reason: Reason): Check =>
  ({ observed }) => {
    const found = observed.readings[part]?.find(({ outcome }) => outcome === 'unreachable');
    if (found?.outcome !== 'unreachable') return undefined;
    return verdict('False', reason, sentence(found.message));
  };

/** What only the pods themselves can tell; CatchingUp and Starting among it. */
const toldByPods: readonly Reason[] = [
  'Starting',
  'Streaming',
  'RelayUnreachable',
  ...Object.values(relayReasons),
  'CaughtUp',
  'CatchingUp',
  ...Object.values(projectorReasons),
  ...Object.values(haltReasons),
  'KeysHalted',
  'ProjectorUnreachable',
];

// An operator that has just started has asked nobody yet; what was told before it stands until it has.
export const notAskedYet =
  (type: Stage, part: Part): Check =>
  (input) => {
    if (input.observed.readings[part] !== undefined) return undefined;
    const before = conditionOf(input, type);
    if (before !== undefined && toldByPods.includes(before.reason)) return standing(before);
    return verdict('False', 'Starting', `The ${part} pod is ready but has not been asked yet.`);
  };

type Readings = readonly StageReading[] | undefined;

function answersOf(readings: Readings): readonly Answer[] {
  return (readings ?? []).filter((reading) => reading.outcome === 'answered');
}

/** The first error that pods tell, with its code. */
export function errorOf(readings: Readings): { text: string; code: string | null } | undefined {
  const found = answersOf(readings).find(({ error }) => error !== null);
  return found && { text: found.error ?? '', code: found.errorCode };
}

/** What all pods together say of each view: of two projectors, as in an update, each has a part of the partitions. */
export function viewsOf(readings: Readings): readonly ViewReading[] {
  return mergedViews(answersOf(readings).flatMap(({ views }) => views));
}

export function conditionOf({ service }: StatusInput, type: Stage): Condition | undefined {
  return findCondition(service.status?.conditions ?? [], type);
}

export function standing({ status, reason, message }: Condition): Verdict {
  return { status, reason, message };
}

/** With a full stop, as a remedy follows. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

export function verdict(status: ConditionStatus, reason: Reason, whatHappened: string): Verdict {
  return { status, reason, message: explain(reason, whatHappened) };
}
