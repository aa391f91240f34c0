import type { ViewConfig } from '@cqrs/contract/config.ts';
import { expect, test } from 'vitest';
import type { AggregateEvent } from './decode-event.ts';
import { planProjection } from './projection.ts';

const view: ViewConfig = {
  name: 'orders',
  sources: [
    { topic: 'order', aggregate: 'order', gapless: true, role: 'root' },
    {
      topic: 'payment',
      aggregate: 'payment',
      gapless: true,
      role: 'part',
      key: 'orderId',
      as: 'payments',
      many: true,
    },
    {
      topic: 'customer',
      aggregate: 'customer',
      gapless: true,
      role: 'lookup',
      lookup: 'customerId',
      as: 'customer',
    },
    // Orders that name another order, shown in it: one topic in two roles.
    {
      topic: 'order',
      aggregate: 'order',
      gapless: true,
      role: 'part',
      key: 'replaces',
      as: 'replacedBy',
      many: false,
    },
  ],
  indexes: [{ by: ['customerId'], order: [] }],
};
const { operations } = planProjection(view);

function event(fields: Record<string, unknown> | null, json?: string): AggregateEvent {
  const state = fields === null ? null : { json: json ?? JSON.stringify(fields), fields };
  return { offset: '1', aggregateId: 'x1', version: '3', lsn: '1', state };
}

test('a root brings its lookups and where it stands in the indexes', () => {
  const json = '{"id": "x1",  "customerId": 7}';
  expect(operations('order', event({ id: 'x1', customerId: 7 }, json))).toEqual([
    ['1', 'x1', '3', json, JSON.stringify([['7'], ['0:["7"]', '\0x1']])],
    ['4', 'x1', '3', json, ''],
  ]);
});

test('a part names its document, a lookup nothing', () => {
  expect(operations('payment', event({ orderId: 'o1' }))).toEqual([
    ['2', 'x1', '3', '{"orderId":"o1"}', 'o1'],
  ]);
  expect(operations('payment', event({ orderId: ['o1'] }))[0]?.[4]).toBe('');
  expect(operations('customer', event({ name: 'Ada' }))).toEqual([
    ['3', 'x1', '3', '{"name":"Ada"}', ''],
  ]);
});

test('a deletion carries neither JSON nor detail', () => {
  expect(operations('order', event(null))).toEqual([
    ['1', 'x1', '3', '', ''],
    ['4', 'x1', '3', '', ''],
  ]);
});

test("a root's own field gives way to what is shown under its name", () => {
  const [root] = operations('order', event({ id: 'x1', payments: 3, customer: 'Ada' }));
  expect(root?.[3]).toBe('{"id":"x1"}');
});

test('an empty state is two characters, however it was written', () => {
  expect(operations('order', event({}, '{ }'))[0]?.[3]).toBe('{}');
});

test('a topic that the view does not name does nothing', () => {
  expect(operations('other', event({}))).toEqual([]);
});

test('a view without indexes and lookups sends no trailer', () => {
  const plain = planProjection({ ...view, sources: view.sources.slice(0, 1), indexes: [] });
  expect(plain.operations('order', event({ id: 'x1' }))).toEqual([
    ['1', 'x1', '3', '{"id":"x1"}', ''],
  ]);
});

test('what is skipped names every source of its topic, and nothing without an id', () => {
  const { skipping } = planProjection(view);
  const skipped = { aggregateId: 'x1', version: '3', offset: '17' };
  expect(skipping('order', skipped)).toEqual([
    ['skip 1', 'x1', '3', '', '17'],
    ['skip 4', 'x1', '3', '', '17'],
  ]);
  expect(skipping('order', { ...skipped, aggregateId: '' })).toEqual([]);
});
