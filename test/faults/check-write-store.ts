import { isDeepStrictEqual } from 'node:util';
import { stateAfter, type Fields } from './commands.ts';
import { firstDifference, type Difference } from './difference.ts';
import type { SentCommand } from './ledger.ts';

/** A row of cqrs.event, and what its aggregate's row says at the same moment. */
export type StoredEvent = {
  readonly id: string;
  readonly key: string;
  readonly version: number;
  readonly type: string;
  readonly payload: { readonly state: Fields | null; readonly data: Fields | null };
  readonly traceparent: string | null;
  readonly aggregate: {
    readonly version: number;
    readonly deleted: boolean;
    readonly state: Fields | null;
  } | null;
};

export type WriteStore = {
  readonly aggregate: string;
  /** Ordered by key and version. */
  readonly events: readonly StoredEvent[];
  /** Ids that cqrs.aggregate has and cqrs.event does not. */
  readonly keysWithoutEvents: readonly string[];
  /** What clients knew before the store was read: what was acknowledged by then must be there. */
  readonly before: readonly SentCommand[];
  /** What had been sent after the store was read: an event of no such command came from nowhere. */
  readonly after: readonly SentCommand[];
};

type Indexed = WriteStore & {
  readonly eventsOf: ReadonlyMap<string, readonly StoredEvent[]>;
  readonly commandOf: ReadonlyMap<string, SentCommand>;
};

const checks = [
  everyAnswerExpected,
  everyEventHasItsCommand,
  everyAcknowledgedCommandIsThere,
  noRefusedCommandIsThere,
  versionsWithoutGap,
  aggregateIsItsLastEvent,
  statesFollowFromCommands,
];

/** Whether one service's Postgres holds what its clients were told, whole and once. */
export function writeStoreDifference(store: WriteStore): Difference | null {
  const eventsOf = Map.groupBy(store.events, ({ traceparent }) => traceparent ?? '');
  const commandOf = new Map(store.after.map((command) => [command.traceparent, command]));
  return firstDifference(checks, { ...store, eventsOf, commandOf });
}

const nameOf = (command: SentCommand): string =>
  `${command.method} ${command.aggregate}/${command.id ?? ''} ${command.traceparent}`;
const eventName = ({ aggregate }: WriteStore, { key, version }: StoredEvent): string =>
  `${aggregate}/${key} version ${version}`;

function everyAnswerExpected({ before }: Indexed): Difference | null {
  for (const command of before) {
    if (command.outcome.kind !== 'unexpected') continue;
    return {
      what: 'A command is answered as the API says',
      key: nameOf(command),
      expected: '2xx, 400, 404, 412 or 503',
      seen: command.outcome.answer,
    };
  }
  return null;
}

function everyEventHasItsCommand(store: Indexed): Difference | null {
  for (const [traceparent, events] of store.eventsOf) {
    const [first] = events;
    if (first === undefined) continue;
    const key = eventName(store, first);
    if (!store.commandOf.has(traceparent)) {
      const what = 'Every event comes from a command that was sent';
      return { what, key, expected: 'a traceparent of this run', seen: traceparent };
    }
    if (events.length > 1) {
      const seen = events.map((event) => eventName(store, event));
      return { what: 'A command has its effect once', key, expected: [key], seen };
    }
  }
  return null;
}

function everyAcknowledgedCommandIsThere({ before, eventsOf }: Indexed): Difference | null {
  for (const command of before) {
    if (command.outcome.kind !== 'acknowledged') continue;
    const { id, version } = command.outcome;
    const event = eventsOf.get(command.traceparent)?.[0];
    if (event?.key === id && event.version === version) continue;
    return {
      what: 'Every acknowledged command is in Postgres with its version',
      key: nameOf(command),
      expected: { id, version },
      seen: event === undefined ? 'no event' : { id: event.key, version: event.version },
    };
  }
  return null;
}

function noRefusedCommandIsThere(store: Indexed): Difference | null {
  for (const command of store.before) {
    if (command.outcome.kind !== 'refused') continue;
    const event = store.eventsOf.get(command.traceparent)?.[0];
    if (event === undefined) continue;
    return {
      what: 'A refused command changes nothing',
      key: nameOf(command),
      expected: `no event (${command.outcome.reason})`,
      seen: eventName(store, event),
    };
  }
  return null;
}

function versionsWithoutGap(store: Indexed): Difference | null {
  let [key, version] = ['', 0];
  for (const event of store.events) {
    const expected = event.key === key ? version + 1 : 1;
    if (event.version !== expected) {
      const what = 'The versions of an aggregate have no gap';
      return { what, key: `${store.aggregate}/${event.key}`, expected, seen: event.version };
    }
    [key, version] = [event.key, event.version];
  }
  return null;
}

/** The row of an aggregate and its last event are one write: neither is there without the other. */
function aggregateIsItsLastEvent(store: Indexed): Difference | null {
  const what = 'An aggregate is what its last event says';
  const [alone] = store.keysWithoutEvents;
  if (alone !== undefined) {
    return { what, key: `${store.aggregate}/${alone}`, expected: 'its events', seen: 'none' };
  }
  for (const [place, event] of store.events.entries()) {
    if (store.events[place + 1]?.key === event.key) continue;
    const { version, payload } = event;
    const expected = { version, deleted: payload.state === null, state: payload.state };
    if (isDeepStrictEqual(event.aggregate, expected)) continue;
    return { what, key: `${store.aggregate}/${event.key}`, expected, seen: event.aggregate };
  }
  return null;
}

function statesFollowFromCommands(store: Indexed): Difference | null {
  let [key, state]: [string, Fields | null] = ['', null];
  for (const event of store.events) {
    const before = event.key === key ? state : null;
    const command = store.commandOf.get(event.traceparent ?? '');
    if (command === undefined) continue;
    const after = stateAfter(command, event.key, before);
    const change = after === null ? 'deleted' : before === null ? 'created' : 'updated';
    const expected = {
      type: `${store.aggregate}.${change}`,
      payload: { state: after, data: command.body },
    };
    const seen = { type: event.type, payload: event.payload };
    if (!isDeepStrictEqual(seen, expected)) {
      const what = 'An event is what its command makes of the state before it';
      return { what, key: eventName(store, event), expected, seen };
    }
    [key, state] = [event.key, event.payload.state];
  }
  return null;
}
