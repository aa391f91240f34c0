import { eventsPerCommandMax, type EventDraft } from '../decide.ts';
import { isObject, type JsonObject } from '../json.ts';
import type { Call, Reply } from './messages.ts';
import { isName, nameRule } from './name-rule.ts';

/** The exports of an author's module: functions, of which nothing else is known. */
export type AuthorModule = {
  readonly decide: (command: object, state: object | null) => unknown;
  readonly evolve: (state: object | null, event: object) => unknown;
  /** JSON of its command schemas, null when it does not list its commands. */
  readonly commandsText: string | null;
};

export type ReadModule =
  | { readonly ok: true; readonly module: AuthorModule }
  | { readonly ok: false; readonly reason: string };

const reasonCharsMax = 1_000;

/** Whether these exports are a behavior, or the end of a sentence that begins with the module. */
export function readModule(exports: JsonObject): ReadModule {
  const { decide, evolve, commands } = exports;
  for (const [name, value] of Object.entries({ decide, evolve })) {
    if (value === undefined) return { ok: false, reason: `does not export \`${name}\`` };
    if (typeof value !== 'function') {
      return { ok: false, reason: `exports \`${name}\`, which is no function` };
    }
  }
  if (commands !== undefined && !(isObject(commands) && Object.values(commands).every(isObject))) {
    return { ok: false, reason: 'exports `commands`, which does not map names to JSON Schemas' };
  }
  return {
    ok: true,
    module: {
      decide: decide as AuthorModule['decide'],
      evolve: evolve as AuthorModule['evolve'],
      commandsText: commands === undefined ? null : JSON.stringify(commands),
    },
  };
}

/** Decides a command and folds its events. Whatever the module does, short of not returning, becomes a reply. */
export function runCall(module: AuthorModule, callText: string): Reply {
  const { state, ...command } = JSON.parse(callText) as Call;
  const { name, id } = command;
  let where = `\`decide\` on the command ${name}`;
  try {
    const decided = module.decide(command, state);
    const outcome = readDecided(decided, where);
    if (outcome.kind !== 'decided') return outcome;
    const events: EventDraft[] = [];
    let current = state;
    for (const event of outcome.events) {
      where = `\`evolve\` on the event ${event.type}`;
      // As it will be read from the store, so that what a module sees now is what it would see later.
      const evolved = module.evolve(current, {
        type: event.type,
        data: JSON.parse(event.dataText),
      });
      const next = readState(evolved, id, where);
      if (next.kind === 'failed') return next;
      events.push({ ...event, stateText: next.stateText });
      current = next.stateText === null ? null : (JSON.parse(next.stateText) as object);
    }
    return { kind: 'events', events };
  } catch (error) {
    return { kind: 'failed', detail: `${where} threw.`, thrown: describeThrown(error) };
  }
}

type DecidedEvents = {
  readonly kind: 'decided';
  readonly events: readonly { readonly type: string; readonly dataText: string }[];
};

function readDecided(decided: unknown, where: string): DecidedEvents | Reply {
  if (decided === undefined) return { kind: 'unknown' };
  if (isObject(decided) && typeof decided['refused'] === 'string') {
    return { kind: 'refused', reason: decided['refused'].slice(0, reasonCharsMax) };
  }
  if (!Array.isArray(decided)) {
    return failed(`${where} gave ${nameOf(decided)}, not a list of events or { refused: '…' }.`);
  }
  if (decided.length > eventsPerCommandMax) {
    return failed(
      `${where} gave ${decided.length} events; at most ${eventsPerCommandMax} fit a command.`,
    );
  }
  const events: { type: string; dataText: string }[] = [];
  for (const event of decided as readonly unknown[]) {
    const { type, data } = isObject(event) ? event : {};
    if (typeof type !== 'string' || !isName(type)) {
      return failed(`${where} gave an event whose type is not ${nameRule}.`);
    }
    if (!isObject(data))
      return failed(`${where} gave the event ${type} without an object as its data.`);
    events.push({ type, dataText: JSON.stringify(data) });
  }
  return { kind: 'decided', events };
}

type ReadState =
  | { readonly kind: 'state'; readonly stateText: string | null }
  | (Reply & { readonly kind: 'failed' });

function readState(evolved: unknown, id: string, where: string): ReadState {
  if (evolved === null) return { kind: 'state', stateText: null };
  if (!isObject(evolved) || evolved instanceof Promise) {
    return failed(`${where} gave ${nameOf(evolved)}, not a state or null.`);
  }
  if (evolved['id'] !== undefined && evolved['id'] !== id) {
    return failed(`${where} gave a state with another id than ${id}.`);
  }
  return { kind: 'state', stateText: JSON.stringify({ ...evolved, id }) };
}

function failed(detail: string) {
  return { kind: 'failed', detail } as const;
}

function nameOf(value: unknown): string {
  if (value instanceof Promise) {
    // It may be rejected later, which nobody would hear of and which would end the thread.
    value.catch(() => undefined);
    return 'a promise';
  }
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? 'a list' : `a value of the type ${typeof value}`;
}

const thrownCharsMax = 4_000;

/** The stack of an error, which begins with its message; anything can be thrown. */
export function describeThrown(thrown: unknown): string {
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return text.slice(0, thrownCharsMax);
}
