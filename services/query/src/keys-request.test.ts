import { expect, test } from 'vitest';
import { asksForKeys, parseKeysRequest } from './keys-request.ts';

const many = Array.from({ length: 101 }, (_, number) => `o${number}`);

test('a query with a key asks for keys, whatever else it says', () => {
  expect(asksForKeys({ key: 'a', limit: '1' })).toBe(true);
  expect(asksForKeys({ key: '' })).toBe(true);
  expect(asksForKeys({ limit: '1' })).toBe(false);
});

test.each([
  ['a', ['a']],
  [
    ['b', 'a'],
    ['b', 'a'],
  ],
  [many.slice(0, 100), many.slice(0, 100)],
])('%j gives the keys as they were asked', (key, keys) => {
  expect(parseKeysRequest({ key })).toEqual({ ok: true, keys });
});

test.each([
  [{ key: 'a', limit: '1', customerId: 'c1' }, /leave out limit and customerId, or key/],
  [{ key: many }, /101 keys are given; at most 100/],
  [{ key: ['a', ''] }, /A key is empty/],
  [{ key: '' }, /A key is empty/],
  [{ key: 'k'.repeat(4097) }, /longer than 4096/],
  [{ key: ['a', 'b', 'a'] }, /The key "a" is given more than once/],
])('%j is refused in a sentence', (query, detail) => {
  expect(parseKeysRequest(query)).toEqual({
    ok: false,
    detail: expect.stringMatching(detail) as string,
  });
});
