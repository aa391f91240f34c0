import { eventType, type ChangeKind } from '@cqrs/contract/envelope.ts';
import type { FieldProblem, ProblemCode } from '@cqrs/contract/problems.ts';
import type { Aggregate } from './aggregate.ts';
import type { JsonObject } from './json.ts';
import { mergePatch } from './merge-patch.ts';
import { matches, type EntityTags } from './preconditions.ts';

export type Command = {
  readonly aggregate: Aggregate;
  readonly id: string;
  readonly ifMatch: EntityTags | undefined;
  readonly ifNoneMatch: EntityTags | undefined;
  readonly traceparent: string | null;
} & (
  | { readonly kind: 'create' | 'replace' | 'patch'; readonly body: JsonObject }
  | { readonly kind: 'delete'; readonly body: null }
);

/** What is stored: version 0 has never been; a deleted aggregate has a version and no state. */
export type Current = { readonly version: number; readonly state: JsonObject | null };

export const neverWritten: Current = { version: 0, state: null };

export type Refusal = {
  readonly kind: 'refused';
  readonly code: ProblemCode;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
};

/**
 * One event to be: its type (`order.created`), what it says and the state after it. Both texts are JSON without line
 * breaks; the state is null once the aggregate is deleted.
 */
export type EventDraft = {
  readonly type: string;
  readonly dataText: string | null;
  readonly stateText: string | null;
};

/**
 * A change that holds only on top of `expectedVersion`. Its events, at least one, have the versions that follow; the
 * aggregate's state is the one after the last of them.
 */
export type Change = {
  readonly kind: 'change';
  /** What became of the aggregate from before the first event to after the last. */
  readonly change: ChangeKind;
  readonly expectedVersion: number;
  readonly events: readonly EventDraft[];
};

/** A state that grows by patches must stay below what one Kafka record carries. */
export const stateBytesMax = 1_048_576;
export const eventsPerCommandMax = 100;
/** All texts of a command's events together: they are in hand at once, and in one statement. */
const changeBytesMax = 4 * stateBytesMax;

type Check = (command: Command, current: Current) => Refusal | undefined;
/** What a precondition looks at, whoever decides the command. */
export type Conditional = Pick<Command, 'aggregate' | 'id' | 'ifMatch' | 'ifNoneMatch'>;

/** In the order that RFC 9110, 13.2 asks for: what would fail anyway, then the preconditions, then the content. */
const checks: readonly Check[] = [nothingThere, preconditionFailed, otherIdInBody];

/** What a command does to what is stored now, or why it may not. */
export function decide(command: Command, current: Current): Change | Refusal {
  for (const check of checks) {
    const refusal = check(command, current);
    if (refusal !== undefined) return refusal;
  }
  return command.kind === 'delete' ? deletion(command, current) : writing(command, current);
}

/** The refusal of a command whose If-Match or If-None-Match does not hold. */
export function preconditionFailed(command: Conditional, current: Current): Refusal | undefined {
  return versionNotMatched(command, current) ?? versionExcluded(command, current);
}

function nothingThere({ kind, aggregate, id }: Command, { state, version }: Current) {
  if (state !== null || kind === 'create' || kind === 'replace') return undefined;
  const detail =
    version === 0
      ? `There is no ${aggregate.name} with the id ${id}.`
      : `The ${aggregate.name} ${id} was deleted; PUT creates it again.`;
  return refused('not-found', detail);
}

function versionNotMatched({ ifMatch, aggregate, id }: Conditional, current: Current) {
  const version = versionOf(current);
  if (ifMatch === undefined || matches(ifMatch, version)) return undefined;
  const found = version === undefined ? 'does not exist' : `has version ${version} now`;
  return refused(
    'version-mismatch',
    `If-Match does not hold: the ${aggregate.name} ${id} ${found}. Read it again and decide anew.`,
  );
}

function versionExcluded({ ifNoneMatch, aggregate, id }: Conditional, current: Current) {
  const version = versionOf(current);
  if (ifNoneMatch === undefined || !matches(ifNoneMatch, version)) return undefined;
  return refused(
    'version-mismatch',
    `If-None-Match does not hold: the ${aggregate.name} ${id} exists with version ${version}.`,
  );
}

function otherIdInBody({ kind, body, id, aggregate }: Command) {
  if (body === null || !Object.hasOwn(body, 'id')) return undefined;
  if (kind === 'create') {
    return refused('malformed-body', `The server gives a new ${aggregate.name} its id.`, [
      { pointer: '/id', detail: `is given by the server; PUT /${aggregate.name}/<id> takes yours` },
    ]);
  }
  if (body['id'] === id) return undefined;
  return refused('malformed-body', `The body is about another ${aggregate.name} than the path.`, [
    { pointer: '/id', detail: `must be ${JSON.stringify(id)}, as in the path, or absent` },
  ]);
}

function deletion(command: Command, current: Current): Change {
  return {
    kind: 'change',
    change: 'deleted',
    expectedVersion: current.version,
    events: [
      { type: eventType(command.aggregate.name, 'deleted'), dataText: null, stateText: null },
    ],
  };
}

function writing(
  command: Command & { readonly body: JsonObject },
  current: Current,
): Change | Refusal {
  const { aggregate, body, id, kind } = command;
  const fields = kind === 'patch' ? mergePatch(current.state ?? {}, body) : body;
  const state = { ...fields, id };
  const errors = aggregate.validate(state);
  if (errors.length > 0) {
    const what = kind === 'patch' ? 'The patched state' : 'The body';
    return refused(
      'malformed-body',
      `${what} does not fit the schema of ${aggregate.name}.`,
      errors,
    );
  }
  const change = current.state === null ? 'created' : 'updated';
  return changeOf(command, current, change, [
    {
      type: eventType(aggregate.name, change),
      dataText: JSON.stringify(body),
      stateText: JSON.stringify(state),
    },
  ]);
}

/** The change that these events make, or the refusal of one beyond a bound; there must be an event. */
export function changeOf(
  { aggregate, id }: Pick<Command, 'aggregate' | 'id'>,
  { version }: Current,
  change: ChangeKind,
  events: readonly EventDraft[],
): Change | Refusal {
  if (events.length > eventsPerCommandMax) {
    return refused(
      'command-refused',
      `The command on ${aggregate.name} ${id} makes ${events.length} events; one makes at most ${eventsPerCommandMax}.`,
    );
  }
  const stateBytes = Math.max(...events.map(({ stateText }) => bytesOf(stateText)));
  if (stateBytes > stateBytesMax) {
    return refused(
      'body-too-large',
      `The state of ${aggregate.name} ${id} would exceed ${stateBytesMax} bytes; split it into more aggregates.`,
    );
  }
  const bytes = events.reduce((sum, of) => sum + bytesOf(of.stateText) + bytesOf(of.dataText), 0);
  if (bytes > changeBytesMax) {
    return refused(
      'body-too-large',
      `The events on ${aggregate.name} ${id} would have ${bytes} bytes together; at most ${changeBytesMax} fit one command.`,
    );
  }
  return { kind: 'change', change, expectedVersion: version, events };
}

/** The version of the aggregate once the change is written. */
export function versionAfter({ expectedVersion, events }: Change): number {
  return expectedVersion + events.length;
}

function bytesOf(text: string | null): number {
  return text === null ? 0 : Buffer.byteLength(text);
}

function versionOf(current: Current): number | undefined {
  return current.state === null ? undefined : current.version;
}

function refused(code: ProblemCode, detail: string, errors?: readonly FieldProblem[]): Refusal {
  return errors === undefined
    ? { kind: 'refused', code, detail }
    : { kind: 'refused', code, detail, errors };
}
