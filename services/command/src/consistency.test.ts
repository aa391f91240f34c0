import { randomBytes } from 'node:crypto';
import { readTokens, tokenKey } from '@cqrs/contract/consistency-token.ts';
import { expect, it } from 'vitest';
import { createConsistency } from './consistency.ts';

const service = { namespace: 'shop', name: 'orders' };
const key = tokenKey(randomBytes(32).toString('base64'));
if (key === null) throw new Error('no key');
const { read, cover } = createConsistency(service, key);
const entry = { topic: 'shop.orders.order', id: 'o1', version: 3 };

it('covers what was written and what the request brought', () => {
  const first = cover([], { aggregate: 'order', id: 'o1', version: 3 }) ?? '';
  const brought = read(first);
  expect(brought).toEqual({ ok: true, entries: [entry] });
  const both = cover(brought.ok ? brought.entries : [], {
    aggregate: 'note',
    id: 'n1',
    version: 1,
  });
  expect(readTokens(key, both ?? '')).toEqual({
    ok: true,
    entries: [entry, { topic: 'shop.orders.note', id: 'n1', version: 1 }],
  });
});

it('reads nothing from no header, and refuses what it did not sign', () => {
  expect(read(undefined)).toEqual({ ok: true, entries: [] });
  expect(read('x')).toMatchObject({ ok: false });
});

it('without a key gives none and takes none', () => {
  const without = createConsistency(service, null);
  expect(without.cover([], { aggregate: 'order', id: 'o1', version: 3 })).toBeUndefined();
  expect(without.read(undefined)).toEqual({ ok: true, entries: [] });
  expect(without.read('x')).toMatchObject({ detail: expect.stringContaining('not set up') });
});
