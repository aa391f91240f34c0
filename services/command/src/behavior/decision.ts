import { eventType } from '@cqrs/contract/envelope.ts';
import type { FieldProblem, ProblemCode } from '@cqrs/contract/problems.ts';
import {
  changeOf,
  type Conditional,
  type Current,
  type EventDraft,
  type Refusal,
} from '../decide.ts';
import type { Decision } from '../handle-command.ts';
import { parseObject, type JsonObject } from '../json.ts';
import type { Answer } from './sandbox.ts';

export type NamedCommand = Conditional & {
  readonly name: string;
  readonly data: JsonObject;
  /** RFC 3339, UTC. */
  readonly now: string;
};

/** What an answer of the module means for the aggregate. What it made is checked: it comes from outside. */
export function decisionOf(command: NamedCommand, current: Current, answer: Answer): Decision {
  const { aggregate, id, name } = command;
  switch (answer.kind) {
    case 'events':
      if (answer.events.length === 0) return { kind: 'unchanged', id, version: current.version };
      return changing(command, current, answer.events);
    case 'refused':
      return refused('command-refused', answer.reason);
    case 'unknown':
      return refused(
        'unknown-command',
        `The behavior of ${aggregate.name} knows no command ${name}.`,
      );
    case 'failed':
      return broken(command, answer.detail);
    case 'unavailable':
      return refused('behavior-unavailable', answer.detail);
  }
}

function changing(
  command: NamedCommand,
  current: Current,
  events: readonly EventDraft[],
): Decision {
  const { aggregate } = command;
  for (const event of events) {
    const problem = eventProblem(command, event);
    if (problem !== undefined) return problem;
  }
  const typed = events.map((event) => ({ ...event, type: eventType(aggregate.name, event.type) }));
  return changeOf(command, current, changeKind(current, events), typed);
}

function changeKind({ state }: Current, events: readonly EventDraft[]) {
  if (events.at(-1)?.stateText === null) return 'deleted';
  return state === null ? 'created' : 'updated';
}

/** Every state is published with its event, so each must be what readers were promised. */
function eventProblem(command: NamedCommand, event: EventDraft): Refusal | undefined {
  const { aggregate } = command;
  const data = parseObject(Buffer.from(event.dataText ?? ''));
  if (!data.ok) {
    return broken(command, `The data of the event ${event.type} cannot be stored.`, data.errors);
  }
  if (event.stateText === null) return undefined;
  const state = parseObject(Buffer.from(event.stateText));
  if (!state.ok) {
    return broken(
      command,
      `The state after the event ${event.type} cannot be stored.`,
      state.errors,
    );
  }
  const errors = aggregate.validate(state.value);
  if (errors.length === 0) return undefined;
  const detail = `The state after the event ${event.type} does not fit the schema of ${aggregate.name}.`;
  return broken(command, detail, errors);
}

function broken(
  { aggregate, name }: NamedCommand,
  detail: string,
  errors?: readonly FieldProblem[],
): Refusal {
  return refused(
    'behavior-failed',
    `The behavior of ${aggregate.name} failed on the command ${name}, and nothing was changed. ${detail}`,
    errors,
  );
}

function refused(code: ProblemCode, detail: string, errors?: readonly FieldProblem[]): Refusal {
  return errors === undefined
    ? { kind: 'refused', code, detail }
    : { kind: 'refused', code, detail, errors };
}
