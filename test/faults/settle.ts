/** What must hold once nothing is hurt any more: everything arrives, and everything agrees. */
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ProjectorStatus, RelayStatus } from '@cqrs/contract/ops-status.ts';
import {
  expectedDocuments,
  expectedList,
  listsOf,
  type ModelLogs,
  type State,
} from '../support/view-model.ts';
import { documentsDifference } from './check-view.ts';
import type { StoredEvent } from './check-write-store.ts';
import { sendCommand } from './clients.ts';
import type { Command } from './commands.ts';
import type { Difference } from './difference.ts';
import { get } from './http.ts';
import type { Ledger } from './ledger.ts';
import { readDocument, readList } from './observe.ts';
import { readServices, writeServices, type ReadService, type WriteService } from './topology.ts';
import type { Sightings } from './sightings.ts';
import type { Streams } from './streams.ts';
import type { TokenReaders } from './token-readers.ts';
import { checkService, shownDifference } from './watch.ts';
import type { World } from './world.ts';

/** Each of the steps below: the slowest is a projector that begins anew after Redis was rolled back. */
const stepMsMax = 120_000;
const pollMs = 1_000;
const concurrentReadsMax = 8;

/** Who was at work while things were hurt and has not left yet. */
export type SettlingClients = {
  readonly ledger: Ledger;
  readonly sightings: Sightings;
  /** Stopped: they read only what no view has shown them yet. */
  readonly tokenReaders: TokenReaders;
  readonly streams: Streams;
};

/** Waits, each step within its bound, until there is no difference; gives the one that stays. */
export async function settle(world: World, clients: SettlingClients): Promise<Difference | null> {
  const { ledger, sightings } = clients;
  const logs = new Map<string, readonly StoredEvent[]>();
  const steps: (() => Promise<Difference | null>)[] = [
    ...writeServices.map((service) => () => acceptsCommands(world, ledger, service)),
    ...writeServices.map((service) => async () => {
      const { difference, events } = await checkService(world, ledger, service, true);
      logs.set(service.topic, events);
      return difference;
    }),
    () => relaysStream(world),
    ...readServices.map((service) => () => viewIsCaughtUp(world, service)),
    ...readServices.map((service) => () => viewIsFold(world, service, modelLogs(logs))),
    () => everyTokenIsShown(clients.tokenReaders),
    async () => lastSightingsDifference(sightings, logs),
    ...clients.streams.told().map(
      ({ path }) =>
        () =>
          streamToldTheEnd(world, clients, path),
    ),
  ];
  for (const step of steps) {
    const difference = await lasting(step);
    if (difference !== null) return difference;
  }
  return null;
}

async function lasting(step: () => Promise<Difference | null>): Promise<Difference | null> {
  const deadlineMs = performance.now() + stepMsMax;
  for (;;) {
    const difference = await step().catch((error: unknown) => ({
      what: 'Everything can be read again once nothing is hurt',
      key: '',
      expected: 'an answer',
      seen: String(error),
    }));
    if (difference === null || performance.now() > deadlineMs) return difference;
    await delay(pollMs);
  }
}

async function acceptsCommands(
  world: World,
  ledger: Ledger,
  { name, aggregate }: WriteService,
): Promise<Difference | null> {
  const command: Command = {
    service: name,
    aggregate,
    method: 'PUT',
    id: 'last',
    body:
      aggregate === 'order'
        ? {
            customerId: 'c1',
            status: 'placed',
            lines: [{ sku: 'sku-1', quantity: 1, price: 1 }],
            total: 1,
            placedAt: '2026-01-01T00:00:00Z',
          }
        : { orderId: 'last', amount: 1, method: 'card', status: 'captured' },
    ifMatch: null,
  };
  for (const program of world.programsOf(name, 'command')) {
    const sending = { url: program.http, ledger, token: null, key: null };
    const outcome = await sendCommand(command, sending);
    if (outcome.kind === 'acknowledged') continue;
    const what = 'Commands are accepted again once nothing is hurt';
    return { what, key: program.name, expected: 'acknowledged', seen: outcome };
  }
  return null;
}

async function relaysStream(world: World): Promise<Difference | null> {
  for (const { name } of writeServices) {
    const relays = world.programsOf(name, 'relay');
    const seen = await Promise.all(relays.map(({ ops }) => statusOf<RelayStatus>(ops())));
    if (seen.filter(({ streaming }) => streaming).length === 1) continue;
    const what = 'Just one relay of a service streams';
    return { what, key: name, expected: 'one streaming', seen };
  }
  return null;
}

async function viewIsCaughtUp(world: World, { name }: ReadService): Promise<Difference | null> {
  for (const program of world.programsOf(name, 'projector')) {
    const status = await statusOf<ProjectorStatus>(program.ops());
    const behind = status.views.filter(
      ({ lagEvents, halted, haltedKeyCount }) =>
        lagEvents > 0 || halted.length > 0 || haltedKeyCount > 0,
    );
    if (status.error === null && behind.length === 0) continue;
    const what = 'A projector has no lag and no trouble once nothing is hurt';
    return { what, key: program.name, expected: 'no lag, no error', seen: status };
  }
  return null;
}

async function viewIsFold(
  world: World,
  { name, view }: ReadService,
  logs: ModelLogs,
): Promise<Difference | null> {
  const expected = expectedDocuments(view, logs);
  const rootEvents = logs.get(view.sources[0]?.topic ?? '') ?? [];
  const keys = [...new Set(rootEvents.map(({ id }) => id))];
  const url = world.programsOf(name, 'query')[0]?.http() ?? '';
  const shown = await inParallel(keys, async (key) => {
    const found = await readDocument(url, view.name, key);
    return [key, found?.document ?? null] as const;
  });
  const difference = documentsDifference(view, expected, new Map(shown));
  if (difference !== null) return difference;
  // Every list that any document ever stood in: one that was left must not keep it.
  const everStates = rootEvents.flatMap(({ id, version, state }) =>
    state === null ? [] : ([[`${id}@${version}`, state]] as const),
  );
  const lists = listsOf(view, new Map<string, State>(everStates));
  const found = await inParallel(lists, async (list) => {
    const wanted = expectedList(view, expected, list);
    const seen = await readList(url, view, list);
    return seen.join() === wanted.join() ? null : { list, wanted, seen };
  });
  const wrong = found.find((one) => one !== null);
  if (wrong === undefined || wrong === null) return null;
  const { list, wanted, seen } = wrong;
  const key = `${view.name} by ${view.indexes[list.index]?.by.join()} = ${list.values.join()}`;
  return { what: 'A list holds its documents in order', key, expected: wanted, seen };
}

async function everyTokenIsShown(readers: TokenReaders): Promise<Difference | null> {
  const [one, ...more] = await readers.readUnshown();
  if (one === undefined) return null;
  return {
    what: 'Every token is satisfied once nothing is hurt',
    key: `${one.command.aggregate} ${one.id}`,
    expected: 'an answer that shows the write',
    seen: `${more.length + 1} tokens without one`,
  };
}

async function lastSightingsDifference(
  sightings: Sightings,
  logs: ReadonlyMap<string, readonly StoredEvent[]>,
): Promise<Difference | null> {
  const shown = sightings.take();
  const difference = shownDifference(shown, logs);
  if (difference !== null) sightings.difference(difference);
  return sightings.firstDifference();
}

async function streamToldTheEnd(
  world: World,
  { streams }: SettlingClients,
  path: string,
): Promise<Difference | null> {
  const told = streams.told().find((one) => one.path === path);
  const url = world.programsOf(told?.service ?? '', 'query')[0]?.http() ?? '';
  const answer = await get(`${url}${path}`);
  if (!answer.ok) throw new Error(`No answer from the query service: ${answer.reason}`);
  const expected: unknown = answer.status === 404 ? null : JSON.parse(answer.text);
  if (isDeepStrictEqual(told?.state, expected)) return null;
  return { what: 'A stream has told the state that stays', key: path, expected, seen: told?.state };
}

function modelLogs(logs: ReadonlyMap<string, readonly StoredEvent[]>): ModelLogs {
  return new Map(
    [...logs].map(([topic, events]) => [
      topic,
      events.map(({ key, version, payload }) => ({ id: key, version, state: payload.state })),
    ]),
  );
}

async function statusOf<T>(ops: string): Promise<T> {
  const answer = await get(`${ops}/status`);
  if (!answer.ok) throw new Error(`No status at ${ops}: ${answer.reason}`);
  return JSON.parse(answer.text) as T;
}

/** Results in the order of the items, a few at a time. */
async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let place = next++; place < items.length; place = next++) {
      results[place] = await work(items[place] as T);
    }
  };
  await Promise.all(Array.from({ length: concurrentReadsMax }, worker));
  return results;
}
