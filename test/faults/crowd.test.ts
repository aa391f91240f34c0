import { expect, test } from 'vitest';
import { mayHaveLost } from './crowd.ts';
import { fieldsOf } from './streams.ts';

const at = (ms: number): string => new Date(performance.timeOrigin + ms).toISOString();
const fault = { target: 'orders/redis', kind: 'roll-back', endedAt: at(100_000) } as const;

test('a store may have lost what it showed before a fault ended, and nothing that it showed later', () => {
  expect(mayHaveLost([fault], 'orders/redis', 90_000)).toBe(true);
  expect(mayHaveLost([fault], 'orders/redis', 130_000)).toBe(false);
  expect(mayHaveLost([{ ...fault, endedAt: null }], 'orders/redis', 130_000)).toBe(true);
  expect(mayHaveLost([fault], 'payments/redis', 90_000)).toBe(false);
  expect(mayHaveLost([{ ...fault, kind: 'freeze' }], 'orders/redis', 90_000)).toBe(false);
});

test('the lines of a block of a stream are its fields', () => {
  expect(fieldsOf('event: document\nid: "4"\ndata: {"a":": b"}')).toEqual({
    event: 'document',
    id: '"4"',
    data: '{"a":": b"}',
  });
  expect(fieldsOf('retry: 500')).toEqual({ retry: '500' });
});
