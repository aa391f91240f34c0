/** What a view must show after a set of events, said as plainly as possible and without a thought of speed. */
import type { ViewConfig } from '@cqrs/contract/config.ts';

export type State = { readonly [field: string]: unknown };

/** One event of a topic; its version is its place among the events of its aggregate. */
export type ModelEvent = {
  readonly id: string;
  readonly version: number;
  /** Null once deleted. */
  readonly state: State | null;
};

/** All events by topic, each topic in its order; an event may occur again later. */
export type ModelLogs = ReadonlyMap<string, readonly ModelEvent[]>;

export const service = { namespace: 'test', name: 'shop' };

const root = { topic: 'test.shop.order', aggregate: 'order', gapless: true, role: 'root' } as const;
const indexes = [
  { by: ['customerId'], order: ['-placedAt', 'total'] },
  { by: [], order: ['total'] },
  { by: ['customerId', 'status'], order: [] },
];

/** A view of one aggregate: what most views are. */
export const plainView: ViewConfig = { name: 'orders', sources: [root], indexes };

/** A view of four: its documents' root, a list of parts, a single part, and a lookup. */
export const composedView: ViewConfig = {
  name: 'order-history',
  sources: [
    root,
    {
      topic: 'test.payments.payment',
      aggregate: 'payment',
      gapless: true,
      role: 'part',
      key: 'orderId',
      as: 'payments',
      many: true,
    },
    {
      topic: 'test.shipping.shipment',
      aggregate: 'shipment',
      gapless: false,
      role: 'part',
      key: 'orderId',
      as: 'shipment',
      many: false,
    },
    {
      topic: 'test.customers.customer',
      aggregate: 'customer',
      gapless: true,
      role: 'lookup',
      lookup: 'customerId',
      as: 'customer',
    },
  ],
  indexes,
};

const bytesOrder = (one: string, other: string): number =>
  Buffer.compare(Buffer.from(one), Buffer.from(other));

function latestStates(logs: ModelLogs, topic: string): ReadonlyMap<string, State> {
  const latest = new Map<string, ModelEvent>();
  for (const event of logs.get(topic) ?? []) {
    if (event.version > (latest.get(event.id)?.version ?? 0)) latest.set(event.id, event);
  }
  const alive = [...latest.values()].flatMap(({ id, state }) =>
    state === null ? [] : ([[id, state]] as const),
  );
  return new Map(alive.toSorted(([one], [other]) => bytesOrder(one, other)));
}

/** The view's documents by key. */
export function expectedDocuments(view: ViewConfig, logs: ModelLogs): ReadonlyMap<string, State> {
  const documents = new Map<string, State>();
  const sources = view.sources.map((source) => ({
    source,
    states: latestStates(logs, source.topic),
  }));
  for (const [id, state] of sources[0]?.states ?? []) {
    const document: Record<string, unknown> = { ...state };
    for (const { source, states } of sources) {
      if (source.role === 'part') {
        const parts = [...states.values()].filter((part) => urlText(part[source.key]) === id);
        document[source.as] = source.many ? parts : (parts[0] ?? null);
      }
      if (source.role === 'lookup') {
        document[source.as] = states.get(urlText(state[source.lookup]) ?? '') ?? null;
      }
    }
    documents.set(id, document);
  }
  return documents;
}

/** How a value is asked for in a URL; undefined for what cannot be. */
function urlText(value: unknown): string | undefined {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? undefined : `${value as string | number | boolean}`;
}

const kinds = ['null', 'false', 'true', 'number', 'string', 'other'];

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'number' || typeof value === 'string' ? typeof value : 'other';
}

function compareValues(one: unknown, other: unknown): number {
  const byKind = kinds.indexOf(kindOf(one)) - kinds.indexOf(kindOf(other));
  if (byKind !== 0) return byKind;
  if (typeof one === 'number' && typeof other === 'number') return Math.sign(one - other);
  if (typeof one === 'string' && typeof other === 'string') {
    return bytesOrder(one.toWellFormed(), other.toWellFormed());
  }
  return 0;
}

/** Keys of the documents in one list of the view, in its order. `values` are asked for by URL. */
export function expectedList(
  view: ViewConfig,
  documents: ReadonlyMap<string, State>,
  list: { readonly index: number; readonly values: readonly string[] },
): readonly string[] {
  const { by = [], order = [] } = view.indexes[list.index] ?? {};
  return [...documents]
    .filter(([, state]) => by.every((field, place) => urlText(state[field]) === list.values[place]))
    .toSorted(([oneId, one], [otherId, other]) => {
      for (const notation of order) {
        const field = notation.replace(/^-/, '');
        const compared = compareValues(one[field], other[field]);
        if (compared !== 0) return notation.startsWith('-') ? -compared : compared;
      }
      return bytesOrder(oneId, otherId);
    })
    .map(([id]) => id);
}

/** Every list of the view in which a document stands. */
export function listsOf(
  view: ViewConfig,
  documents: ReadonlyMap<string, State>,
): readonly { readonly index: number; readonly values: readonly string[] }[] {
  const lists = new Map<string, { index: number; values: readonly string[] }>();
  view.indexes.forEach(({ by }, index) => {
    for (const state of documents.values()) {
      const values = by.map((field) => urlText(state[field]));
      if (!values.every((value) => value !== undefined)) continue;
      lists.set(JSON.stringify([index, values]), { index, values });
    }
  });
  return [...lists.values()];
}
