/**
 * The promise of the read store: however events of several topics arrive, are cut into batches, delivered again,
 * applied by a zombie, or lost with the end of an append-only file, the view equals a fold of the events.
 */
import assert from 'node:assert/strict';
import type { ViewConfig } from '@cqrs/contract/config.ts';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyBatch } from '../../services/projector/src/apply-batch.ts';
import type { KafkaRecord } from '../../services/projector/src/decode-event.ts';
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
import { startRedis, type TestRedis } from '../support/redis.ts';
import {
  composedView,
  expectedDocuments,
  expectedList,
  listsOf,
  plainView,
  service,
  type ModelEvent,
  type ModelLogs,
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

/** One topic's events: each aggregate's versions run from 1, and what was delivered once may come again. */
function logOf(topic: string): fc.Arbitrary<readonly ModelEvent[]> {
  const { ids, fields } = fieldsByTopic[topic] ?? { ids: [], fields: fc.constant({}) };
  const change = fc.record({
    id: fc.constantFrom(...ids),
    fields: fc.option(fields, { freq: 5 }),
    repeats: fc.integer({ min: 0, max: 12 }),
  });
  return fc.array(change, { maxLength: 25 }).map((changes) => {
    const versions = new Map<string, number>();
    const log: ModelEvent[] = [];
    for (const { id, fields: state, repeats } of changes) {
      const version = (versions.get(id) ?? 0) + 1;
      versions.set(id, version);
      // The id is among the fields as the envelope says, but nothing breaks where a writer of its own leaves it out.
      const named = version % 5 === 0 ? {} : { id };
      log.push({ id, version, state: state === null ? null : { ...named, ...state } });
      // At least once: the last few are published again after a restart of the relay.
      if (repeats < 4) log.push(...log.slice(-repeats));
    }
    return log;
  });
}

type Fault = 'zombie' | 'repeat' | 'restart' | 'copy' | 'roll back';

const topics = composedView.sources.map(({ topic }) => topic);

const step = fc.record({
  topic: fc.constantFrom(...topics),
  size: fc.integer({ min: 1, max: 8 }),
  fault: fc.oneof(
    { weight: 6, arbitrary: fc.constant('none' as const) },
    {
      weight: 4,
      arbitrary: fc.constantFrom<Fault>('zombie', 'repeat', 'restart', 'copy', 'roll back'),
    },
  ),
});

function recordOf({ id, version, state }: ModelEvent, offset: number): KafkaRecord {
  return {
    offset: String(offset),
    key: Buffer.from(id),
    value: Buffer.from(JSON.stringify({ data: { state: 'of the command' }, state })),
    headers: { ce_sequence: String(version), ce_pglsn: String(offset * 8) },
  };
}

/** Plays the projector's part: it knows what it was told last and asks the read store when it is told off. */
class Driver {
  readonly #writer: ReadStoreWriter;
  readonly #view: ViewConfig;
  readonly #logs: ModelLogs;
  readonly #leases = new Map<string, Lease>();
  #copy: readonly (readonly [string, Buffer])[] = [];

  constructor(writer: ReadStoreWriter, view: ViewConfig, logs: ModelLogs) {
    this.#writer = writer;
    this.#view = view;
    this.#logs = logs;
  }

  /** Applies the next batch; false when the view has all there is. */
  async apply(topic: string, size: number): Promise<boolean> {
    const lease = this.#leases.get(topic) ?? (await this.#writer.acquire(`${topic}:0`));
    if (Number(lease.offset) === this.#logs.get(topic)?.length) {
      // As the projector's watch does: what was lost while nothing is left to apply must be seen too.
      const held = await this.#writer.holds(`${topic}:0`, lease);
      if (!held) this.#leases.delete(topic);
      return !held;
    }
    const outcome = await this.#send(topic, lease, size);
    if (outcome.kind === 'halted') throw new Error(outcome.halt.message);
    if (outcome.kind === 'applied') this.#leases.set(topic, outcome.lease);
    else this.#leases.delete(topic);
    return true;
  }

  async fault(kind: Fault, topic: string) {
    const lease = this.#leases.get(topic);
    if (kind === 'copy') this.#copy = await copyOf(redis);
    if (kind === 'roll back') await putBack(redis, this.#copy);
    if (kind === 'restart') this.#leases.delete(topic);
    const ends = this.#logs.get(topic)?.length ?? 0;
    if (lease === undefined || Number(lease.offset) >= ends) return;
    if (kind === 'zombie') {
      const current = await this.#writer.acquire(`${topic}:0`);
      const old = { ...current, id: lease.id };
      const { kind: outcome } = await this.#send(topic, old, 3);
      assert.equal(outcome, 'lost');
      this.#leases.set(topic, current);
    }
    if (kind === 'repeat' && Number(lease.offset) > 0) {
      const { kind: outcome } = await this.#send(topic, { ...lease, offset: '' }, 3);
      assert.equal(outcome, 'lost');
    }
  }

  #send(topic: string, lease: Lease, size: number) {
    const from = Number(lease.offset);
    const events = (this.#logs.get(topic) ?? []).slice(from, from + size);
    const nextOffset = BigInt(from + events.length);
    return applyBatch(
      { name: `${topic}:0`, lease, writer: this.#writer, projection: planProjection(this.#view) },
      {
        topic,
        partition: 0,
        fetchedOffset: BigInt(from),
        nextOffset,
        highWatermark: nextOffset,
        records: events.map((event, place) => recordOf(event, from + place)),
        isWanted: () => true,
        heartbeat: () => Promise.resolve(),
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

async function readDocument(reader: ReadStoreReader, id: string): Promise<unknown> {
  const document = await reader.document(id);
  if (document === null) return undefined;
  return JSON.parse(Buffer.from(document.json, 'latin1').toString('utf8'));
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
    const page = await reader.list(parsed.request);
    documents.push(...(JSON.parse(`[${page.items}]`) as unknown[]));
    after = page.last === null ? undefined : parsed.request.cursor(page.last);
  } while (after !== undefined);
  return documents;
}

/** What JSON.parse makes of what was written: -0 comes back as 0. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test.each([plainView, composedView])('view $name equals a fold of its events', async (view) => {
  const logs = fc
    .tuple(...topics.map((topic) => logOf(topic)))
    .map((all) => new Map(topics.map((topic, place) => [topic, all[place] ?? []])));
  await fc.assert(
    fc.asyncProperty(logs, fc.array(step, { maxLength: 60 }), async (byTopic, steps) => {
      await redis.client.flushall();
      const writer = createReadStoreWriter(redis.client, service, view);
      const driver = new Driver(writer, view, byTopic);
      const own = steps.filter(({ topic }) =>
        view.sources.some((source) => source.topic === topic),
      );
      for (const { topic, size, fault } of own) {
        if (fault !== 'none') await driver.fault(fault, topic);
        await driver.apply(topic, size);
      }
      for (const { topic } of view.sources) {
        while (await driver.apply(topic, 5));
      }

      const reader = createReadStoreReader(
        { documents: redis.client, lists: redis.client },
        service,
        view,
      );
      const documents = expectedDocuments(view, byTopic);
      for (const id of orderIds) {
        expect(await readDocument(reader, id)).toEqual(
          asJson(documents.get(id) ?? null) ?? undefined,
        );
      }
      for (const list of listsOf(view, documents)) {
        const ids = expectedList(view, documents, list);
        const expected = ids.map((id) => asJson(documents.get(id)));
        expect(await readList(reader, view, list)).toEqual(expected);
      }
    }),
    { numRuns: 150 },
  );
});
