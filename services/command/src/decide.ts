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

/** A change that holds only on top of `expectedVersion`. Both texts are JSON without line breaks; null for a deletion. */
export type Change = {
  readonly kind: 'change';
  readonly change: ChangeKind;
  readonly eventType: string;
  readonly expectedVersion: number;
  readonly stateText: string | null;
  readonly dataText: string | null;
};

/** A state that grows by patches must stay below what one Kafka record carries. */
export const stateBytesMax = 1_048_576;

type Check = (command: Command, current: Current) => Refusal | undefined;

/** In the order that RFC 9110, 13.2 asks for: what would fail anyway, then the preconditions, then the content. */
const checks: readonly Check[] = [nothingThere, versionNotMatched, versionExcluded, otherIdInBody];

/** What a command does to what is stored now, or why it may not. */
export function decide(command: Command, current: Current): Change | Refusal {
  for (const check of checks) {
    const refusal = check(command, current);
    if (refusal !== undefined) return refusal;
  }
  return command.kind === 'delete' ? deletion(command, current) : writing(command, current);
}

function nothingThere({ kind, aggregate, id }: Command, { state, version }: Current) {
  if (state !== null || kind === 'create' || kind === 'replace') return undefined;
  const detail =
    version === 0
      ? `There is no ${aggregate.name} with the id ${id}.`
      : `The ${aggregate.name} ${id} was deleted; PUT creates it again.`;
  return refused('not-found', detail);
}

function versionNotMatched({ ifMatch, aggregate, id }: Command, current: Current) {
  const version = versionOf(current);
  if (ifMatch === undefined || matches(ifMatch, version)) return undefined;
  const found = version === undefined ? 'does not exist' : `has version ${version} now`;
  return refused(
    'version-mismatch',
    `If-Match does not hold: the ${aggregate.name} ${id} ${found}. Read it again and decide anew.`,
  );
}

function versionExcluded({ ifNoneMatch, aggregate, id }: Command, current: Current) {
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
    eventType: eventType(command.aggregate.name, 'deleted'),
    expectedVersion: current.version,
    stateText: null,
    dataText: null,
  };
}

function writing(command: Command & { readonly body: JsonObject }, current: Current) {
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
  const stateText = JSON.stringify(state);
  if (Buffer.byteLength(stateText) > stateBytesMax) {
    return refused(
      'body-too-large',
      `The state of ${aggregate.name} ${id} would exceed ${stateBytesMax} bytes; split it into more aggregates.`,
    );
  }
  const change = current.state === null ? 'created' : 'updated';
  return {
    kind: 'change' as const,
    change,
    eventType: eventType(aggregate.name, change),
    expectedVersion: current.version,
    stateText,
    dataText: JSON.stringify(body),
  } satisfies Change;
}

function versionOf(current: Current): number | undefined {
  return current.state === null ? undefined : current.version;
}

function refused(code: ProblemCode, detail: string, errors?: readonly FieldProblem[]): Refusal {
  return errors === undefined
    ? { kind: 'refused', code, detail }
    : { kind: 'refused', code, detail, errors };
}
