import { signToken, tokenKeys } from '@cqrs/contract/consistency-token.ts';
import { expect, test } from 'vitest';
import { readDemand } from './demand.ts';

const keys = (byte: number, previous?: number) =>
  tokenKeys({
    CQRS_TOKEN_KEY: Buffer.alloc(32, byte).toString('base64'),
    CQRS_TOKEN_KEY_PREVIOUS:
      previous === undefined ? undefined : Buffer.alloc(32, previous).toString('base64'),
  })!;
const key = keys(7);
const order = { topic: 's.o.order', aggregate: 'order', gapless: true } as const;
const customer = { topic: 's.c.customer', aggregate: 'customer', gapless: true } as const;
const sources = [
  { ...order, role: 'root' },
  { ...customer, role: 'lookup', lookup: 'customerId', as: 'customer' },
  { ...order, role: 'part', key: 'parent', as: 'children', many: true },
] as const;
const token = signToken(key, [
  { topic: 's.o.order', id: 'o1', version: 3 },
  { topic: 's.other.thing', id: 'x', version: 9 },
  { topic: 's.c.customer', id: 'c1', version: 1 },
]);

test('without a token nothing is asked, whatever is preferred', () => {
  expect(readDemand(key, sources, { token: undefined, prefer: 'wait=5' })).toEqual({
    kind: 'none',
  });
});

test('what is awaited are the view’s own sources, every one that an aggregate feeds', () => {
  expect(readDemand(key, sources, { token, prefer: undefined })).toEqual({
    kind: 'asked',
    token,
    awaited: [
      { source: '1', role: 'root', topic: 's.o.order', id: 'o1', version: 3 },
      { source: '3', role: 'part', topic: 's.o.order', id: 'o1', version: 3 },
      { source: '2', role: 'lookup', topic: 's.c.customer', id: 'c1', version: 1 },
    ],
    waitMs: 2_000,
    handling: 'strict',
    applied: '',
  });
});

test.each([
  ['wait=0', 0, 'strict', 'wait=0'],
  ['wait=60, handling=lenient', 10_000, 'lenient', 'wait=10, handling=lenient'],
  ['handling=lenient', 2_000, 'lenient', 'handling=lenient'],
  ['wait=never, respond-async', 2_000, 'strict', ''],
])('Prefer: %s', (prefer, waitMs, handling, applied) => {
  expect(readDemand(key, sources, { token, prefer })).toMatchObject({ waitMs, handling, applied });
});

test('a token of the key before is one to wait for', () => {
  expect(readDemand(keys(8, 7), sources, { token, prefer: undefined })).toMatchObject({
    kind: 'asked',
    awaited: [{ id: 'o1' }, { id: 'o1' }, { id: 'c1' }],
  });
});

test('a token that cannot be read says why, and what to do', () => {
  expect(readDemand(keys(8), sources, { token, prefer: undefined })).toMatchObject({
    kind: 'malformed',
    detail: expect.stringContaining(
      'not in use any more, or was changed. Drop the token',
    ) as string,
  });
  expect(readDemand(null, sources, { token, prefer: undefined })).toMatchObject({
    kind: 'malformed',
    detail: expect.stringContaining('not set up') as string,
  });
});
