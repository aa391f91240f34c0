/** The checks that go on while faults do: whatever can be read then must be right then. */
import { setTimeout as delay } from 'node:timers/promises';
import { readTopic } from '../support/kafka.ts';
import { topicDifference } from './check-topic.ts';
import { tokenReadDifference, type EventsById } from './check-token-read.ts';
import { seenDocumentDifference, type SeenDocument } from './check-view.ts';
import { writeStoreDifference, type StoredEvent } from './check-write-store.ts';
import type { Difference } from './difference.ts';
import type { Ledger } from './ledger.ts';
import { readDocument, readWriteStore, UnexpectedAnswer } from './observe.ts';
import { createRandom, seedFor } from './random.ts';
import type { Shown, Sightings } from './sightings.ts';
import { readServices, writeServices, type WriteService } from './topology.ts';
import type { World } from './world.ts';

const roundPeriodMs = 15_000;
const readPeriodMs = 60;
const crashPeriodMs = 500;

export type Watch = {
  /** Rounds of checks that found every store there to be read. */
  readonly rounds: () => number;
  readonly documentsRead: () => number;
  /** The first difference, null once the watch was stopped without one. */
  readonly difference: Promise<Difference | null>;
  readonly stop: () => Promise<void>;
};

export function startWatch(
  world: World,
  seed: number,
  { ledger, sightings }: { readonly ledger: Ledger; readonly sightings: Sightings },
): Watch {
  const stopping = new AbortController();
  const counts = { rounds: 0, documents: 0 };
  const every = async (
    periodMs: number,
    work: () => Promise<Difference | null>,
  ): Promise<Difference | null> => {
    while (!stopping.signal.aborted) {
      const difference = await work();
      if (difference !== null) return difference;
      await delay(periodMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    return null;
  };
  const round = async (): Promise<Difference | null> => {
    const shown = sightings.take();
    try {
      const difference = await checkAll(world, ledger, shown);
      counts.rounds += 1;
      return difference;
    } catch {
      // A store that is away cannot be looked into now; what was read waits for the next round.
      sightings.giveBack(shown);
      return null;
    }
  };
  const read = createReader(world, seed, (document) => {
    sightings.document(document);
    counts.documents += 1;
  });
  const loops = [
    every(roundPeriodMs, round),
    every(readPeriodMs, read),
    every(crashPeriodMs, async () => sightings.firstDifference() ?? crashOf(world)),
  ];
  const difference = firstOf(loops);
  return {
    rounds: () => counts.rounds,
    documentsRead: () => counts.documents,
    difference,
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

/** The first difference that any of the loops ends with; null when all end without. */
async function firstOf(loops: readonly Promise<Difference | null>[]): Promise<Difference | null> {
  return new Promise((resolve, reject) => {
    for (const loop of loops) {
      loop.then((difference) => difference !== null && resolve(difference), reject);
    }
    Promise.all(loops).then(() => resolve(null), reject);
  });
}

/** Throws when a store cannot be read. */
async function checkAll(world: World, ledger: Ledger, shown: Shown): Promise<Difference | null> {
  const logs = new Map<string, readonly StoredEvent[]>();
  for (const service of writeServices) {
    const { difference, events } = await checkService(world, ledger, service, false);
    if (difference !== null) return difference;
    logs.set(service.topic, events);
  }
  return shownDifference(shown, logs);
}

/** Whether what readers were shown is what some event had left, and as new as their tokens; the logs are later. */
export function shownDifference(
  { documents, tokenReads }: Shown,
  logs: ReadonlyMap<string, readonly StoredEvent[]>,
): Difference | null {
  const eventsOf = new Map<string, EventsById>(
    [...logs].map(([topic, events]) => [topic, Map.groupBy(events, ({ key }) => key)]),
  );
  for (const { view } of readServices) {
    const ofView = <T extends { readonly view: string }>(all: readonly T[]): readonly T[] =>
      all.filter((one) => one.view === view.name);
    const rootEvents = logs.get(view.sources[0]?.topic ?? '') ?? [];
    const difference =
      seenDocumentDifference(view, ofView(documents), rootEvents) ??
      tokenReadDifference(view, ofView(tokenReads), (topic) => eventsOf.get(topic) ?? new Map());
    if (difference !== null) return difference;
  }
  return null;
}

/** Topic first, then Postgres: an event is in Postgres before it is anywhere else. Throws when either is away. */
export async function checkService(
  world: World,
  ledger: Ledger,
  service: WriteService,
  complete: boolean,
): Promise<{ readonly difference: Difference | null; readonly events: readonly StoredEvent[] }> {
  const { name, aggregate, topic } = service;
  const records = await readTopic(world.kafka, topic);
  const ofService = () => ledger.commands().filter((command) => command.service === name);
  const before = ofService();
  const rows = await readWriteStore(world.postgres(name), aggregate);
  const { events } = rows;
  const difference =
    writeStoreDifference({ aggregate, ...rows, before, after: ofService() }) ??
    topicDifference({ topic, records, events, complete });
  return { difference, events };
}

/** Reads one document of a view after another, as a user would; only an answer of a wrong kind is a difference. */
function createReader(
  world: World,
  seed: number,
  onSeen: (document: SeenDocument) => void,
): () => Promise<Difference | null> {
  const random = createRandom(seedFor(seed, 'reader'));
  return async () => {
    const { name, view } = random.pick(readServices);
    const key = `${view.sources[0]?.aggregate === 'order' ? 'o' : 'p'}${random.integer(1, 60)}`;
    const url = random.pick(world.programsOf(name, 'query')).http();
    try {
      const found = await readDocument(url, view.name, key);
      if (found !== null) onSeen({ view: view.name, key, ...found });
    } catch (error) {
      if (error instanceof UnexpectedAnswer && error.status !== 503) {
        const what = 'A read is answered as the API says';
        return { what, key: `${view.name}/${key}`, expected: '200, 404, 503', seen: error.message };
      }
    }
    return null;
  };
}

function crashOf(world: World): Difference | null {
  for (const { name, crash } of world.programs) {
    const output = crash();
    if (output === null) continue;
    return { what: 'No program ends by itself', key: name, expected: 'running', seen: output };
  }
  return null;
}
