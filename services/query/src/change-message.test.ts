import { expect, test } from 'vitest';
import { anyChange, lookupSources, readChange } from './change-message.ts';

const sources = [
  { topic: 's.o.order', aggregate: 'order', gapless: true, role: 'root' },
  {
    topic: 's.p.payment',
    aggregate: 'payment',
    gapless: true,
    role: 'part',
    key: 'orderId',
    as: 'payments',
    many: true,
  },
  {
    topic: 's.c.customer',
    aggregate: 'customer',
    gapless: true,
    role: 'lookup',
    lookup: 'customerId',
    as: 'customer',
  },
] as const;
const lookups = lookupSources(sources);

test('a change of roots and parts names the documents that show it', () => {
  expect(readChange('["1 o1","1 o 2","2 p1"]', lookups)).toEqual({
    documents: new Set(['o1', 'o 2']),
    aggregates: new Set(['1 o1', '1 o 2', '2 p1']),
  });
});

test('a part that belongs to no document changes none', () => {
  expect(readChange('["2 p1"]', lookups)).toEqual({
    documents: new Set(),
    aggregates: new Set(['2 p1']),
  });
});

test('a changed lookup may show in any document', () => {
  expect(readChange('["1 o1","3 c1"]', lookups)).toEqual({
    documents: null,
    aggregates: new Set(['1 o1', '3 c1']),
  });
});

test('of too many changes none is named', () => {
  expect(readChange('[]', lookups)).toEqual(anyChange);
});
