import { describe, expect, it } from 'vitest';
import {
  exampleService,
  wholeService,
  type WrittenSpec,
} from '../../api/v1alpha1/example-services.ts';
import { hasQuery } from '../../api/v1alpha1/service-kinds.ts';
import { findCondition } from '../../api/v1alpha1/conditions.ts';
import { exampleObserved, projects } from './example-observed.ts';
import { statusOf } from './status.ts';
import { unknownField } from './unknown-field.ts';

const properties = { total: {}, customerId: {}, placedAt: {} };
const closed = { type: 'object', properties, additionalProperties: false };

const view = (sources: readonly object[], ...indexes: readonly object[]) => ({
  views: [{ name: 'orders', sources, indexes }],
});

/** An orders service with this order schema and these indexes. */
const orders = (schema: object, ...indexes: readonly object[]): WrittenSpec => ({
  aggregates: [{ name: 'order', schema }],
  command: {},
  query: view([{ aggregate: 'order' }], ...indexes),
});

const owners = ['order', 'payment', 'customer'].map((aggregate) => {
  const schema =
    aggregate === 'payment'
      ? { type: 'object', properties: { orderId: {} }, additionalProperties: false }
      : closed;
  const spec = { aggregates: [{ name: aggregate, schema }], command: {} };
  return exampleService(`${aggregate}s`, spec);
});
const siblings = new Map(owners.map((owner) => [owner.metadata.name, owner]));

function found(spec: WrittenSpec, among: typeof siblings = siblings): string | undefined {
  const service = exampleService('reader', spec);
  if (!hasQuery(service)) throw new TypeError('Nothing is read');
  return unknownField(service, among);
}

const root = { service: 'orders', aggregate: 'order' };
const payment = (key: string) => ({
  service: 'payments',
  aggregate: 'payment',
  key,
  as: 'payments',
});
const customer = (lookup: string) => ({
  service: 'customers',
  aggregate: 'customer',
  lookup,
  as: 'customer',
});

describe('unknownField', () => {
  it('names view, field, aggregate, and the fields there are, the nearest first', () => {
    expect(found(orders(closed, { by: ['custmerId'] }))).toBe(
      'View orders names the field custmerId in an index, which aggregate order cannot have; its fields are customerId, id, total, placedAt.',
    );
  });

  it.each([
    [
      'an order',
      orders(closed, { by: ['customerId'], order: ['-placdAt'] }),
      'placdAt in an index',
    ],
    ['an index on a sibling’s aggregate', { query: view([root], { by: ['x'] }) }, 'x in an index'],
    [
      'a key',
      { query: view([root, payment('ordrId')]) },
      'ordrId in "key", which aggregate payment',
    ],
    [
      'a lookup',
      { query: view([root, customer('custId')]) },
      'custId in "lookup", which aggregate order',
    ],
  ])('finds %s', (_, spec, part) => {
    expect(found(spec)).toContain(part);
  });

  it.each([
    ['an open schema', orders({ type: 'object', properties }, { by: ['custmerId'] })],
    ['a composed schema', orders({ ...closed, allOf: [{}] }, { by: ['custmerId'] })],
    ['patterns of fields', orders({ ...closed, patternProperties: { x: {} } }, { by: ['x'] })],
    ['the id', orders(closed, { by: ['id'], order: ['-id'] })],
    ['fields there are', orders(closed, { by: ['customerId'], order: ['-placedAt', 'total'] })],
    ['joins that fit', { query: view([root, payment('orderId'), customer('customerId')]) }],
  ])('says nothing of %s', (_, spec) => {
    expect(found(spec)).toBeUndefined();
  });

  it('says nothing of an owner that is not there', () => {
    expect(found({ query: view([root], { by: ['x'] }) }, new Map())).toBeUndefined();
  });
});

it('an unknown field does not hide that the projection halted', () => {
  const service = wholeService('orders', orders(closed, { by: ['custmerId'] }));
  const { readings } = exampleObserved(service);
  const observed = exampleObserved(service, {
    readings: { ...readings, projector: [projects('orders', { halted: ['order/3: gap'] })] },
  });
  const { conditions = [] } = statusOf({ service, observed, refusals: [], nowMs: 0 });
  expect(findCondition(conditions, 'ProjectionCaughtUp')?.reason).toBe('ProjectionHalted');
});

it('a service with an unknown field is not Ready and waits for somebody', () => {
  const service = wholeService('orders', orders(closed, { by: ['custmerId'] }));
  const observed = exampleObserved(service);
  const { conditions = [] } = statusOf({ service, observed, refusals: [], nowMs: 0 });
  const expected = {
    reason: 'UnknownField',
    message: expect.stringContaining('Correct the field'),
  };
  expect(findCondition(conditions, 'Ready')).toMatchObject({ status: 'False', ...expected });
  expect(findCondition(conditions, 'Stalled')).toMatchObject({ status: 'True', ...expected });
  expect(findCondition(conditions, 'ProjectionCaughtUp')).toMatchObject({
    status: 'False',
    ...expected,
  });
  expect(findCondition(conditions, 'QueryReady')?.status).toBe('True');
});
