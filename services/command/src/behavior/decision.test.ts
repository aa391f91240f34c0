import { expect, it } from 'vitest';
import { compileAggregates } from '../aggregate.ts';
import { neverWritten, type Current } from '../decide.ts';
import { decisionOf } from './decision.ts';
import type { Answer } from './sandbox.ts';

const schema = { type: 'object', required: ['total'], properties: { total: { type: 'number' } } };
const aggregate = compileAggregates([{ name: 'order', schema }]).get('order');
if (aggregate === undefined) throw new Error('no aggregate');
const command = {
  aggregate,
  id: 'o1',
  ifMatch: undefined,
  ifNoneMatch: undefined,
  name: 'pay',
  data: {},
  now: '2026-03-01T09:00:00Z',
};
const stored: Current = { version: 4, state: { id: 'o1', total: 1 } };
const deleted: Current = { version: 5, state: null };

const event = (stateText: string | null, dataText = '{}') => ({
  type: 'paid',
  dataText,
  stateText,
});
const made = (...events: ReturnType<typeof event>[]): Answer => ({ kind: 'events', events });
const fits = '{"id":"o1","total":2}';

it.each<[string, Current, Answer, object]>([
  ['creates', neverWritten, made(event(fits)), { change: 'created', expectedVersion: 0 }],
  ['creates anew', deleted, made(event(fits)), { change: 'created', expectedVersion: 5 }],
  ['updates', stored, made(event(fits), event(fits)), { change: 'updated', expectedVersion: 4 }],
  ['deletes', stored, made(event(fits), event(null)), { change: 'deleted', expectedVersion: 4 }],
  ['does nothing', stored, made(), { kind: 'unchanged', id: 'o1', version: 4 }],
  ['refuses', stored, { kind: 'refused', reason: 'no' }, { code: 'command-refused', detail: 'no' }],
  ['is unknown', stored, { kind: 'unknown' }, { code: 'unknown-command' }],
  ['fails', stored, { kind: 'failed', detail: 'It threw.' }, { code: 'behavior-failed' }],
  ['waits', stored, { kind: 'unavailable', detail: 'Held.' }, { code: 'behavior-unavailable' }],
])('a command %s', (_what, current, answer, expected) => {
  expect(decisionOf(command, current, answer)).toMatchObject(expected);
});

it('gives events the name of their aggregate', () => {
  expect(decisionOf(command, stored, made(event(fits)))).toMatchObject({
    kind: 'change',
    events: [{ type: 'order.paid', dataText: '{}', stateText: fits }],
  });
});

it.each([
  ['every state that is published', made(event('{"id":"o1"}'), event(fits)), '/total'],
  ['what a state holds', made(event('{"id":"o1","total":1,"t":"\\u0000"}')), '/t'],
  ['what an event holds', made(event(fits, '{"t":"\\ud800"}')), '/t'],
])('checks %s, with a pointer', (_what, answer, pointer) => {
  expect(decisionOf(command, stored, answer)).toMatchObject({
    kind: 'refused',
    code: 'behavior-failed',
    errors: [{ pointer }],
  });
});
