import type { ViewConfig } from '@cqrs/contract/config.ts';
import { expect, test } from 'vitest';
import { viewTag } from './view-tag.ts';

const service = { namespace: 'shop', name: 'orders' };
const root = {
  topic: 'shop.orders.order',
  aggregate: 'order',
  gapless: true,
  role: 'root',
} as const;
const part = {
  topic: 'shop.payments.payment',
  aggregate: 'payment',
  gapless: true,
  role: 'part',
  key: 'orderId',
  as: 'payments',
  many: true,
} as const;
const view: ViewConfig = {
  name: 'orders',
  sources: [root, part],
  indexes: [{ by: ['customerId'], order: ['-placedAt'] }],
};

test('a tag names the view and fits in a key and in the name of a consumer group', () => {
  expect(viewTag(service, view)).toMatch(/^orders\.[0-9a-f]{8}$/);
});

test('what is refused as a gap does not change what is stored, so the view is kept', () => {
  const lenient = {
    ...view,
    sources: view.sources.map((source) => ({ ...source, gapless: false })),
  };
  expect(viewTag(service, lenient)).toBe(viewTag(service, view));
});

test.each<[string, ViewConfig]>([
  ['another source', { ...view, sources: [{ ...root, topic: 'shop.orders.other' }, part] }],
  ['another part key', { ...view, sources: [root, { ...part, key: 'order' }] }],
  ['another name of the part', { ...view, sources: [root, { ...part, as: 'paid' }] }],
  ['one part for many', { ...view, sources: [root, { ...part, many: false }] }],
  ['another order of sources', { ...view, sources: [part, root] }],
  ['another index', { ...view, indexes: [{ by: ['customerId'], order: ['placedAt'] }] }],
  ['no index', { ...view, indexes: [] }],
])('%s is another build', (_, changed) => {
  expect(viewTag(service, changed)).not.toBe(viewTag(service, view));
});

test('two services may share a Redis', () => {
  expect(viewTag({ ...service, namespace: 'test' }, view)).not.toBe(viewTag(service, view));
});
