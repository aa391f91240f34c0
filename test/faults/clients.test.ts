import { expect, test } from 'vitest';
import { outcomeOf, repeatedOutcome, unlikeAnswer } from './clients.ts';
import type { Command } from './commands.ts';

const remove: Command = {
  service: 'orders',
  aggregate: 'order',
  method: 'DELETE',
  id: 'o1',
  body: null,
  ifMatch: null,
};
const put: Command = { ...remove, method: 'PUT', body: {} };
const answer = (status: number, text: string, etag: string | null = null) =>
  ({ ok: true, status, text, etag, headers: { 'consistency-token': 't' } }) as const;
const unavailable = (detail: string): string =>
  JSON.stringify({ type: 'urn:cqrs:problem:store-unavailable', detail });

test('an acknowledgement has an id and a version', () => {
  const acknowledged = { kind: 'acknowledged', id: 'o1', token: 't' };
  expect(outcomeOf(remove, answer(204, '', '"4"'))).toEqual({ ...acknowledged, version: 4 });
  expect(outcomeOf(put, answer(200, '{"id":"o1"}', '"5"'))).toEqual({
    ...acknowledged,
    version: 5,
  });
  expect(outcomeOf(put, answer(200, '{"id":"o1"}')).kind).toBe('unexpected');
  const withoutToken = { ...answer(200, '{"id":"o1"}', '"5"'), headers: {} };
  expect(outcomeOf(put, withoutToken).kind).toBe('unexpected');
});

test('a 503 is unknown only if it says so', () => {
  expect(outcomeOf(put, answer(503, unavailable('It is unknown whether …')))).toEqual({
    kind: 'unknown',
    reason: 'store-unavailable',
  });
  expect(outcomeOf(put, answer(503, unavailable('Try again.'))).kind).toBe('refused');
});

test('without an answer it is unknown, unless nothing was sent', () => {
  expect(outcomeOf(put, { ok: false, sent: true, reason: 'ECONNRESET' }).kind).toBe('unknown');
  expect(outcomeOf(put, { ok: false, sent: false, reason: 'ECONNREFUSED' }).kind).toBe('refused');
});

test('no client should get any other answer', () => {
  expect(outcomeOf(put, answer(500, '')).kind).toBe('unexpected');
  expect(outcomeOf(put, answer(412, '')).kind).toBe('refused');
});

test('a refusal of a repetition leaves open what became of the first try', () => {
  const unknown = { outcome: { kind: 'unknown', reason: 'repeated: 412' }, isAnswered: true };
  expect(repeatedOutcome({ kind: 'refused', reason: '412' })).toEqual(unknown);
  expect(repeatedOutcome({ kind: 'refused', reason: 'ECONNREFUSED' }).isAnswered).toBe(false);
  expect(repeatedOutcome({ kind: 'unknown', reason: 'x' }).isAnswered).toBe(false);
});

test('the same key is answered the same again, or not at all', () => {
  const first = answer(201, '{"id":"o1"}', '"1"');
  expect(unlikeAnswer(first, first)).toBeNull();
  expect(unlikeAnswer(first, answer(503, ''))).toBeNull();
  expect(unlikeAnswer(first, answer(409, ''))).toBeNull();
  expect(unlikeAnswer(first, answer(200, '{"id":"o1"}', '"2"'))).toContain('then again');
  expect(unlikeAnswer(first, answer(404, ''))).toContain('then again');
});
