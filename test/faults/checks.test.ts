/** The checks find what they are there to find: each is shown a run in which all is well, then one with one fault. */
import { expect, test } from 'vitest';
import type { TopicRecord } from '../support/kafka.ts';
import { topicDifference, type Topic } from './check-topic.ts';
import { documentsDifference, seenDocumentDifference } from './check-view.ts';
import { writeStoreDifference, type StoredEvent, type WriteStore } from './check-write-store.ts';
import type { SentCommand } from './ledger.ts';
import { readServices } from './topology.ts';

const created = { id: 'o1', status: 'placed' };
const paid = { id: 'o1', status: 'paid' };

const sent = (number: number, more: Partial<SentCommand>): SentCommand => ({
  service: 'orders',
  aggregate: 'order',
  method: 'PUT',
  id: 'o1',
  body: { status: 'placed' },
  ifMatch: null,
  traceparent: `t${number}`,
  outcome: { kind: 'acknowledged', id: 'o1', version: number, token: '' },
  ...more,
});
const commands: readonly SentCommand[] = [
  sent(1, {}),
  sent(2, { method: 'PATCH', body: { status: 'paid' } }),
  sent(3, { method: 'DELETE', body: null, outcome: { kind: 'unknown', reason: 'ECONNRESET' } }),
  sent(4, { outcome: { kind: 'refused', reason: '412' } }),
];

const event = (version: number, more: Partial<StoredEvent>): StoredEvent => ({
  id: `e${version}`,
  key: 'o1',
  version,
  type: 'order.updated',
  payload: { state: null, data: null },
  traceparent: `t${version}`,
  aggregate: { version: 3, deleted: true, state: null },
  ...more,
});
const first = event(1, {
  type: 'order.created',
  payload: { state: created, data: { status: 'placed' } },
});
const second = event(2, { payload: { state: paid, data: { status: 'paid' } } });
const third = event(3, { type: 'order.deleted' });
const events = [first, second, third];

const store = (more: Partial<WriteStore>): WriteStore => ({
  aggregate: 'order',
  events,
  keysWithoutEvents: [],
  before: commands,
  after: commands,
  ...more,
});

test('a write store that holds what clients were told has no difference', () => {
  expect(writeStoreDifference(store({}))).toBeNull();
  // An unknown command may also have had no effect.
  const aggregate = { version: 2, deleted: false, state: paid };
  const without = [first, { ...second, aggregate }];
  expect(writeStoreDifference(store({ events: without }))).toBeNull();
});

test.each<[string, Partial<WriteStore>, string]>([
  ['an acknowledged event is missing', { events: [first] }, 'Every acknowledged command'],
  [
    'an acknowledged event has another version',
    { events: [{ ...first, traceparent: 't2' }, { ...second, traceparent: 't1' }, third] },
    'Every acknowledged command',
  ],
  [
    'a command had its effect twice',
    { events: [...events, event(4, { traceparent: 't3' })] },
    'A command has its effect once',
  ],
  [
    'an event comes from nowhere',
    { events: [...events, event(4, { traceparent: 't9' })] },
    'Every event comes from a command',
  ],
  [
    'a refused command had an effect',
    { events: [...events, event(4, {})] },
    'A refused command changes nothing',
  ],
  [
    'a version is left out',
    { events: [first, second, { ...third, version: 4 }] },
    'The versions of an aggregate have no gap',
  ],
  [
    'an aggregate is ahead of its events',
    { events: [first, second] },
    'An aggregate is what its last event says',
  ],
  ['an aggregate has no events', { keysWithoutEvents: ['o2'] }, 'An aggregate is what'],
  [
    'a patch was applied to an old state',
    { events: [first, { ...second, payload: { ...second.payload, state: { id: 'o1' } } }, third] },
    'An event is what its command makes',
  ],
  [
    'an answer is none of those promised',
    { before: [sent(5, { outcome: { kind: 'unexpected', answer: '500' } })] },
    'A command is answered as the API says',
  ],
])('%s', (_, more, what) => {
  expect(writeStoreDifference(store(more))?.what).toContain(what);
});

const recordOf = ({ id, key, version, type, payload }: StoredEvent): TopicRecord => ({
  partition: 2,
  key,
  value: payload,
  timestampMs: 0,
  headers: { ce_id: id, ce_type: type, ce_sequence: String(version) },
});
const [one, two, three] = [recordOf(first), recordOf(second), recordOf(third)];
const topic = (records: readonly TopicRecord[], more: Partial<Topic> = {}): Topic => ({
  topic: 'shop.orders.order',
  records,
  events,
  complete: true,
  ...more,
});

test('a topic may repeat events, and while faults go on it may be behind', () => {
  expect(topicDifference(topic([one, two, one, two, three]))).toBeNull();
  expect(topicDifference(topic([one], { complete: false }))).toBeNull();
});

test.each<[string, Topic, string]>([
  ['an event is not there', topic([one, two]), 'Every committed event is in Kafka'],
  ['an event is left out', topic([one, three], { complete: false }), 'in their order'],
  ['Kafka has more than Postgres', topic([one, two, three], { events: [first] }), 'nothing beyond'],
  ['a record says something else', topic([{ ...one, value: null }]), 'A record says what'],
  ['a key moves', topic([one, { ...two, partition: 3 }]), 'A key stays in its partition'],
])('%s', (_, of, what) => {
  expect(topicDifference(of)?.what).toContain(what);
});

test('a reader may see an old state of a document, and none that never was', () => {
  const view = readServices.find(({ name }) => name === 'order-history')?.view;
  if (view === undefined) throw new Error('There is no such view.');
  const seen = { view: view.name, key: 'o1', version: 1, document: { ...created, payments: [] } };
  expect(seenDocumentDifference(view, [seen], events)).toBeNull();
  expect(seenDocumentDifference(view, [{ ...seen, version: 2 }], events)).not.toBeNull();
  expect(seenDocumentDifference(view, [{ ...seen, version: 9 }], events)).not.toBeNull();
});

test('a view shows each document of its fold and no other', () => {
  const view = readServices[0]?.view;
  if (view === undefined) throw new Error('There is no such view.');
  const expected = new Map([['o1', paid]]);
  const gone = ['o2', null] as const;
  expect(documentsDifference(view, expected, new Map([['o1', paid], gone]))).toBeNull();
  expect(documentsDifference(view, expected, new Map([['o1', created], gone]))).not.toBeNull();
  expect(documentsDifference(view, expected, new Map([['o1', null], gone]))).not.toBeNull();
  expect(
    documentsDifference(
      view,
      expected,
      new Map([
        ['o1', paid],
        ['o2', paid],
      ]),
    ),
  ).not.toBeNull();
});
