/**
 * The promise of the read store: however events of several topics arrive, are cut into batches, delivered again,
 * applied by a zombie, or lost with the end of an append-only file, the view equals a fold of the events. Poison events
 * halt their keys and no others, or go to the dead letters, and once they can be read a retry leaves nothing behind.
 */
import assert from 'node:assert/strict';
import type { ViewConfig } from '@cqrs/contract/config.ts';
import type { FetchedRecord } from '@cqrs/runtime/kafka/port.ts';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyBatch } from '../../services/projector/src/apply-batch.ts';
import type { DeadLetterTopic } from '../../services/projector/src/dead-letter-topic.ts';
import { createHaltedStore } from '../../services/projector/src/halted-store.ts';
import { planProjection } from '../../services/projector/src/projection.ts';
import {
  createReadStoreWriter,
  type Lease,
  type ReadStoreWriter,
} from '../../services/projector/src/read-store-writer.ts';
import { parseListRequest } from '../../services/query/src/list-request.ts';
import {
  createReadStoreReader,
  type ReadStoreReader,
} from '../../services/query/src/read-store-reader.ts';
import { fetchedRecord } from '../support/fetched-record.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import {
  composedView,
  expectedDocuments,
  expectedList,
  listsOf,
  plainView,
  service,
  type ModelEvent,
  type State,
} from '../support/view-model.ts';

let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(async () => {
  await redis.stop();
});

const orderIds = ['o1', 'o2', 'ö/3', 'o'];
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.string({ maxLength: 150 }),
  fc.constantFrom('2025-01-01', '2025-01-02'),
);
const anyScalar = fc.oneof(
  text,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);

const fieldsByTopic: Record<string, { ids: readonly string[]; fields: fc.Arbitrary<State> }> = {
  'test.shop.order': {
    ids: orderIds,
    fields: fc.record(
      {
        customerId: fc.constantFrom<unknown>('c1', 'c2', 'c1 ', 7, null, { no: 'id' }),
        status: fc.constantFrom('placed', 'paid'),
        placedAt: anyScalar,
        total: anyScalar,
        lines: fc.array(fc.record({ sku: fc.string() }), { maxLength: 2 }),
        payments: fc.constant('hidden by the parts of that name'),
      },
      { requiredKeys: [] },
    ),
  },
  'test.payments.payment': {
    ids: ['p1', 'p2', 'p10', 'é'],
    fields: fc.record(
      {
        orderId: fc.constantFrom<unknown>(...orderIds, null, 7),
        amount: fc.double({ noNaN: true, noDefaultInfinity: true }),
      },
      { requiredKeys: [] },
    ),
  },
  'test.shipping.shipment': {
    ids: ['s1', 's2'],
    fields: fc.record({ orderId: fc.constantFrom(...orderIds) }),
  },
  'test.customers.customer': { ids: ['c1', 'c2', '7'], fields: fc.record({ name: text }) },
};

/** What makes a record unreadable, until it is healed. */
type Poison = 'value' | 'version' | 'lsn';
type LoggedEvent = ModelEvent & { readonly poison: Poison | null };
type Logs = ReadonlyMap<string, readonly LoggedEvent[]>;

/** One topic's events: each aggregate's versions run from 1, and what was delivered once may come again. */
function logOf(topic: string): fc.Arbitrary<readonly LoggedEvent[]> {
  const { ids, fields } = fieldsByTopic[topic] ?? { ids: [], fields: fc.constant({}) };
  const change = fc.record({
    id: fc.constantFrom(...ids),
    fields: fc.option(fields, { freq: 5 }),
    repeats: fc.integer({ min: 0, max: 12 }),
    poison: fc.oneof(
      { weight: 8, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.constantFrom<Poison>('value', 'version', 'lsn') },
    ),
  });
  return fc.array(change, { maxLength: 25 }).map((changes) => {
    const versions = new Map<string, number>();
    const log: LoggedEvent[] = [];
    for (const { id, fields: state, repeats, poison } of changes) {
      const version = (versions.get(id) ?? 0) + 1;
      versions.set(id, version);
      // The id is among the fields as the envelope says, but nothing breaks where a writer of its own leaves it out.
      const named = version % 5 === 0 ? {} : { id };
      log.push({ id, version, state: state === null ? null : { ...named, ...state }, poison });
      // At least once: the last few are published again after a restart of the relay.
      if (repeats < 4) log.push(...log.slice(-repeats));
    }
    return log;
  });
}

type Fault =
  'zombie' | 'repeat' | 'restart' | 'copy' | 'roll back' | 'retry' | 'no letters' | 'made anew';

const topics = composedView.sources.map(({ topic }) => topic);

const step = fc.record({
  topic: fc.constantFrom(...topics),
  size: fc.integer({ min: 1, max: 8 }),
  fault: fc.oneof(
    { weight: 6, arbitrary: fc.constant('none' as const) },
    {
      weight: 4,
      arbitrary: fc.constantFrom<Fault>(
        'zombie',
        'repeat',
        'restart',
        'copy',
        'roll back',
        'retry',
        'no letters',
        'made anew',
      ),
    },
  ),
});

function recordOf({ id, version, state, poison }: LoggedEvent, offset: number): FetchedRecord {
  const value = JSON.stringify({ data: { state: 'of the command' }, state });
  return fetchedRecord({
    offset,
    key: id,
    value: poison === 'value' ? value.slice(1) : value,
    headers: {
      ...(poison === 'version' ? {} : { ce_sequence: String(version) }),
      ce_pglsn: poison === 'lsn' ? '0/16' : String(offset * 8),
    },
  });
}

/** Before the first poison event of each aggregate: what a view shows whose poison halts. */
function beforePoison(logs: Logs): Logs {
  return mapLogs(logs, (log) => {
    const poisoned = new Set<string>();
    return log.filter(({ id, poison }) => {
      if (poison !== null) poisoned.add(id);
      return !poisoned.has(id);
    });
  });
}

const withoutPoison = (logs: Logs): Logs =>
  mapLogs(logs, (log) => log.filter(({ poison }) => poison === null));
const healed = (logs: Logs): Logs =>
  mapLogs(logs, (log) => log.map((event) => ({ ...event, poison: null })));

function mapLogs(
  logs: Logs,
  change: (log: readonly LoggedEvent[]) => readonly LoggedEvent[],
): Logs {
  return new Map([...logs].map(([topic, log]) => [topic, change(log)]));
}

/** Plays Kafka's part for dead letters, and refuses them when told to. */
class Letters implements DeadLetterTopic {
  readonly taken = new Set<string>();
  refusals = 0;

  async send(letters: Parameters<DeadLetterTopic['send']>[0]): Promise<void> {
    this.refusals -= 1;
    if (this.refusals >= 0) throw new Error('Kafka is away');
    for (const { record, topicPartition } of letters) {
      this.taken.add(`${topicPartition} ${record.offset}`);
    }
    await Promise.resolve();
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}

/** Plays the projector's part: it knows what it was told last and asks the read store when it is told off. */
class Driver {
  readonly #writer: ReadStoreWriter;
  readonly #view: ViewConfig;
  #logs: Logs;
  readonly letters = new Letters();
  readonly #leases = new Map<string, Lease>();
  /** How often each topic was deleted and made anew, with the same events: all that is another is its id. */
  readonly #madeAnew = new Map<string, number>();
  #copy: readonly (readonly [string, Buffer])[] = [];

  constructor(writer: ReadStoreWriter, view: ViewConfig, logs: Logs) {
    this.#writer = writer;
    this.#view = view;
    this.#logs = logs;
  }

  /** Applies the next batch; false when the view has all there is. */
  async apply(topic: string, size: number): Promise<boolean> {
    const lease = this.#leases.get(topic) ?? (await this.#acquire(topic));
    if (Number(lease.offset) === this.#logs.get(topic)?.length) {
      // As the projector's watch does: what was lost while nothing is left to apply must be seen too.
      const counts = new Map(this.#view.sources.map((source) => [source.topic, 1]));
      const answer = await this.#writer.caughtUp(`${topic}:0`, lease, counts);
      const held = answer === 'building' || answer === 'built';
      if (!held) this.#leases.delete(topic);
      return !held;
    }
    const outcome = await this.#send(topic, lease, size).catch(() => null);
    // Nothing is applied without its dead letters, and the same is tried again.
    if (outcome === null) return true;
    if (outcome.kind === 'halted') throw new Error(outcome.halt.message);
    if (outcome.kind === 'applied') this.#leases.set(topic, outcome.lease);
    else this.#leases.delete(topic);
    return true;
  }

  async fault(kind: Fault, topic: string) {
    const lease = this.#leases.get(topic);
    if (kind === 'copy') this.#copy = await copyOf(redis);
    if (kind === 'roll back') await putBack(redis, this.#copy);
    if (kind === 'made anew') this.#madeAnew.set(topic, (this.#madeAnew.get(topic) ?? 0) + 1);
    if (kind === 'restart' || kind === 'made anew') this.#leases.delete(topic);
    if (kind === 'retry') await this.retry(topic);
    if (kind === 'no letters') this.letters.refusals = 1;
    const ends = this.#logs.get(topic)?.length ?? 0;
    if (lease === undefined || Number(lease.offset) >= ends) return;
    if (kind === 'zombie') {
      const current = await this.#acquire(topic);
      const old = { ...current, id: lease.id };
      const outcome = await this.#send(topic, old, 3).catch(() => null);
      assert.ok(outcome === null || outcome.kind === 'lost');
      this.#leases.set(topic, current);
    }
    if (kind === 'repeat' && Number(lease.offset) > 0) {
      const outcome = await this.#send(topic, { ...lease, offset: '' }, 3).catch(() => null);
      assert.ok(outcome === null || outcome.kind === 'lost');
    }
  }

  /** The lease is kept, as the projector's is by whoever runs the command: it must find out by itself. */
  async retry(topic: string): Promise<void> {
    await createHaltedStore(redis.client, service, this.#view).retry(`${topic}:0`);
  }

  /** What could not be read can be from now on. */
  heal(): void {
    this.#logs = healed(this.#logs);
  }

  /** Applies whatever is left, until a whole round finds nothing to do. */
  async drain(): Promise<void> {
    for (let isSettled = false; !isSettled;) {
      isSettled = true;
      for (const { topic } of this.#view.sources) {
        while (await this.apply(topic, 5)) isSettled = false;
      }
    }
  }

  #acquire(topic: string): Promise<Lease> {
    return this.#writer.acquire({ topic, partition: 0 }, `id ${this.#madeAnew.get(topic) ?? 0}`);
  }

  #send(topic: string, lease: Lease, size: number) {
    const from = Number(lease.offset);
    const events = (this.#logs.get(topic) ?? []).slice(from, from + size);
    const nextOffset = BigInt(from + events.length);
    return applyBatch(
      {
        name: `${topic}:0`,
        lease,
        writer: this.#writer,
        projection: planProjection(this.#view),
        deadLetters: this.letters,
      },
      {
        topic,
        partition: 0,
        fetchedOffset: BigInt(from),
        nextOffset,
        highWatermark: nextOffset,
        records: events.map((event, place) => recordOf(event, from + place)),
        isWanted: () => true,
        resolve: () => undefined,
      },
    );
  }
}

async function copyOf({ client }: TestRedis): Promise<(readonly [string, Buffer])[]> {
  const keys = await client.keys('*');
  const values = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
  return keys.map((key, place) => [key, values[place] ?? Buffer.alloc(0)]);
}

async function putBack(
  { client }: TestRedis,
  copy: readonly (readonly [string, Buffer])[],
): Promise<void> {
  await client.flushall();
  await Promise.all(copy.map(([key, value]) => client.restore(key, 0, value)));
}

function built<T>(answer: T | 'view-building'): T {
  if (answer === 'view-building') throw new Error('The view does not count as built.');
  return answer;
}

/** What the reader gives has one character a byte. */
function parseBytes(bytes: string): unknown {
  return JSON.parse(Buffer.from(bytes, 'latin1').toString('utf8'));
}

async function readDocument(reader: ReadStoreReader, id: string): Promise<unknown> {
  const document = built(await reader.document(id));
  if (document === null) return undefined;
  return parseBytes(document.json);
}

/** Reads a whole list, page by page. */
async function readList(
  reader: ReadStoreReader,
  view: ViewConfig,
  list: { readonly index: number; readonly values: readonly string[] },
): Promise<readonly unknown[]> {
  const { by = [], order = [] } = view.indexes[list.index] ?? {};
  const documents: unknown[] = [];
  let after: string | undefined;
  do {
    const parsed = parseListRequest(view, {
      ...Object.fromEntries(by.map((field, place) => [field, list.values[place]])),
      order: order.join(','),
      limit: '2',
      ...(after === undefined ? {} : { after }),
    });
    if (!parsed.ok) throw new Error(parsed.detail);
    const page = built(await reader.list(parsed.request));
    documents.push(...(parseBytes(`[${page.items}]`) as unknown[]));
    after = page.last === null ? undefined : parsed.request.cursor(page.last);
  } while (after !== undefined);
  return documents;
}

/** What JSON.parse makes of what was written: -0 comes back as 0. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

async function expectFold(view: ViewConfig, logs: Logs): Promise<void> {
  const { client } = redis;
  const reader = createReadStoreReader({ documents: client, lists: client }, service, view);
  const documents = expectedDocuments(view, logs);
  for (const id of orderIds) {
    expect(await readDocument(reader, id)).toEqual(asJson(documents.get(id) ?? null) ?? undefined);
  }
  for (const list of listsOf(view, documents)) {
    const ids = expectedList(view, documents, list);
    const expected = ids.map((id) => asJson(documents.get(id)));
    expect(await readList(reader, view, list)).toEqual(expected);
  }
}

const logsOfTopics = fc
  .tuple(...topics.map((topic) => logOf(topic)))
  .map((all) => new Map(topics.map((topic, place) => [topic, all[place] ?? []])));

/** A driver that has gone through the steps and all that came behind them. */
async function driven(
  view: ViewConfig,
  logs: Logs,
  steps: readonly {
    readonly topic: string;
    readonly size: number;
    readonly fault: Fault | 'none';
  }[],
): Promise<Driver> {
  await redis.client.flushall();
  const driver = new Driver(createReadStoreWriter(redis.client, service, view), view, logs);
  const own = steps.filter(({ topic }) => view.sources.some((source) => source.topic === topic));
  for (const { topic, size, fault } of own) {
    if (fault !== 'none') await driver.fault(fault, topic);
    await driver.apply(topic, size);
  }
  await driver.drain();
  return driver;
}

test.each([plainView, composedView])('view $name equals a fold of its events', async (view) => {
  await fc.assert(
    fc.asyncProperty(logsOfTopics, fc.array(step, { maxLength: 60 }), async (logs, steps) => {
      const driver = await driven(view, logs, steps);
      await expectFold(view, beforePoison(logs));
      driver.heal();
      for (const { topic } of view.sources) await driver.retry(topic);
      await driver.drain();
      await expectFold(view, healed(logs));
      expect(driver.letters.taken.size).toBe(0);
    }),
    { numRuns: 120 },
  );
});

test.each([plainView, composedView])(
  'view $name with dead letters equals a fold of the rest, and every letter was sent',
  async (plain) => {
    const view: ViewConfig = { ...plain, poison: 'dead-letter' };
    await fc.assert(
      fc.asyncProperty(logsOfTopics, fc.array(step, { maxLength: 60 }), async (logs, steps) => {
        const { letters } = await driven(view, logs, steps);
        await expectFold(view, withoutPoison(logs));
        const expected = view.sources.flatMap(({ topic }) =>
          (logs.get(topic) ?? []).flatMap(({ poison }, offset) =>
            poison === null ? [] : [`${topic}:0 ${offset}`],
          ),
        );
        expect([...letters.taken].toSorted()).toEqual(expected.toSorted());
      }),
      { numRuns: 120 },
    );
  },
);
