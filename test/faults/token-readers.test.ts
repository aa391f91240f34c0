import { expect, test } from 'vitest';
import { createRandom } from './random.ts';
import { drawPlace, verdictOf, type Written } from './token-readers.ts';

const answer = (status: number, marked = false) =>
  ({
    ok: true,
    status,
    text: '',
    etag: null,
    headers: marked ? { 'consistency-status': 'stale' } : {},
  }) as const;

test('every answer that the API allows is counted', () => {
  expect(verdictOf(answer(200), 'strict')).toBe('shown');
  expect(verdictOf(answer(404), 'strict')).toBe('shown');
  expect(verdictOf(answer(504), 'strict')).toBe('late');
  expect(verdictOf(answer(503), 'lenient')).toBe('unavailable');
  expect(verdictOf(answer(200, true), 'lenient')).toBe('stale');
  expect(verdictOf({ ok: false, sent: true, reason: 'ECONNRESET' }, 'strict')).toBe('unanswered');
});

test.each([
  ['strict', answer(200, true)],
  ['lenient', answer(504)],
  ['strict', answer(400)],
  ['strict', answer(500)],
] as const)('%s handling never ends otherwise', (handling, wrong) => {
  expect(verdictOf(wrong, handling)).toMatchObject({ expected: expect.any(String) });
});

test('a write is read where it shows: under its key, in a list, and in what it is part of', () => {
  const payment = {
    service: 'payments',
    aggregate: 'payment',
    method: 'PUT',
    ifMatch: null,
  } as const;
  const written: Written = {
    command: { ...payment, id: 'p1', body: { orderId: 'o7' } },
    id: 'p1',
    token: '',
    entries: [],
  };
  const random = createRandom(1);
  const paths = new Set(Array.from({ length: 100 }, () => drawPlace(random, written).path));
  expect(paths).toContain('/payments/p1');
  expect(paths).toContain('/payments?orderId=o7&limit=500');
  expect(paths).toContain('/order-history/o7');
  expect([...paths].some((path) => path.startsWith('/order-history?customerId=c'))).toBe(true);
});
