import { randomBytes } from 'node:crypto';
import { readTokens, signToken, tokenKeys } from '@cqrs/contract/consistency-token.ts';
import { expect, it } from 'vitest';
import { createConsistency, nothingBrought } from './consistency.ts';

const service = { namespace: 'shop', name: 'orders' };
const newKeys = () => tokenKeys({ CQRS_TOKEN_KEY: randomBytes(32).toString('base64') })!;
const keys = newKeys();
const { read, cover } = createConsistency(service, keys);
const entry = { topic: 'shop.orders.order', id: 'o1', version: 3 };

it('covers what was written and what the request brought', () => {
  const first = cover(nothingBrought, { aggregate: 'order', id: 'o1', version: 3 });
  const brought = read(first['consistency-token']);
  expect(brought).toEqual({ ok: true, entries: [entry], isWhole: true });
  const both = cover(brought.ok ? brought : nothingBrought, {
    aggregate: 'note',
    id: 'n1',
    version: 1,
  });
  expect(both).not.toHaveProperty('consistency-status');
  expect(readTokens(keys, both['consistency-token'] ?? '')).toEqual({
    ok: true,
    entries: [entry, { topic: 'shop.orders.note', id: 'n1', version: 1 }],
  });
});

it('leaves out what a key signed that it does not know, and says so', () => {
  const unknown = signToken(newKeys(), [{ ...entry, id: 'o0' }]);
  const brought = read(`${unknown}, ${signToken(keys, [entry])}`);
  expect(brought).toEqual({ ok: true, entries: [entry], isWhole: false });
  const headers = cover(brought.ok ? brought : nothingBrought, {
    aggregate: 'order',
    id: 'o1',
    version: 4,
  });
  expect(headers['consistency-status']).toBe('incomplete');
  expect(readTokens(keys, headers['consistency-token'] ?? '')).toMatchObject({
    entries: [{ ...entry, version: 4 }],
  });
});

it('reads nothing from no header, and refuses what is no token', () => {
  expect(read(undefined)).toEqual({ ok: true, ...nothingBrought });
  expect(read('x')).toMatchObject({ ok: false });
});

it('without a key gives none, and refuses no command for one', () => {
  const without = createConsistency(service, null);
  const written = { aggregate: 'order', id: 'o1', version: 3 };
  expect(without.cover(nothingBrought, written)).toEqual({});
  expect(without.read(undefined)).toEqual({ ok: true, ...nothingBrought });
  const brought = without.read(signToken(keys, [entry]));
  expect(brought).toEqual({ ok: true, entries: [], isWhole: false });
  expect(without.cover(brought.ok ? brought : nothingBrought, written)).toEqual({
    'consistency-status': 'incomplete',
  });
});
