import { describe, expect, it } from 'vitest';
import { compileAggregates } from './aggregate.ts';
import {
  changeOf,
  decide,
  eventsPerCommandMax,
  neverWritten,
  stateBytesMax,
  versionAfter,
  type Command,
  type Current,
} from './decide.ts';

const schema = { type: 'object', required: ['total'], properties: { total: { type: 'number' } } };
const [aggregate] = compileAggregates([{ name: 'order', schema }]).values();
if (aggregate === undefined) throw new Error('no aggregate');
const base = {
  aggregate,
  id: 'o1',
  ifMatch: undefined,
  ifNoneMatch: undefined,
  traceparent: null,
};
const body = { total: 1 };
const put: Command = { ...base, kind: 'replace', body };
const patch: Command = { ...base, kind: 'patch', body: { total: 2 } };
const remove: Command = { ...base, kind: 'delete', body: null };
const stored: Current = { version: 4, state: { id: 'o1', total: 1, note: 'n' } };
const deleted: Current = { version: 5, state: null };
const any = { kind: 'any' } as const;
const only = (version: number) => ({ kind: 'versions', versions: [version] }) as const;

describe('decide', () => {
  it.each<[string, Command, Current, string, number, string | null]>([
    [
      'creates',
      { ...base, kind: 'create', body },
      neverWritten,
      'created',
      0,
      '{"total":1,"id":"o1"}',
    ],
    ['puts what was not there', put, neverWritten, 'created', 0, '{"total":1,"id":"o1"}'],
    ['puts over what is', put, stored, 'updated', 4, '{"total":1,"id":"o1"}'],
    ['puts over what was deleted', put, deleted, 'created', 5, '{"total":1,"id":"o1"}'],
    ['patches', patch, stored, 'updated', 4, '{"id":"o1","total":2,"note":"n"}'],
    ['deletes', remove, stored, 'deleted', 4, null],
    ['holds If-Match', { ...put, ifMatch: only(4) }, stored, 'updated', 4, '{"total":1,"id":"o1"}'],
    [
      'holds If-None-Match',
      { ...put, ifNoneMatch: any },
      deleted,
      'created',
      5,
      '{"total":1,"id":"o1"}',
    ],
  ])('%s', (...[, command, current, change, expectedVersion, stateText]) => {
    expect(decide(command, current)).toMatchObject({
      kind: 'change',
      change,
      expectedVersion,
      events: [{ type: `order.${change}`, stateText }],
    });
  });

  it.each<[string, Command, Current, string]>([
    ['patching nothing', patch, neverWritten, 'not-found'],
    ['patching what was deleted', patch, deleted, 'not-found'],
    ['deleting nothing', remove, neverWritten, 'not-found'],
    ['nothing before If-Match', { ...remove, ifMatch: only(1) }, neverWritten, 'not-found'],
    ['another version', { ...patch, ifMatch: only(3) }, stored, 'version-mismatch'],
    ['If-Match on nothing', { ...put, ifMatch: any }, deleted, 'version-mismatch'],
    ['If-None-Match on something', { ...put, ifNoneMatch: any }, stored, 'version-mismatch'],
    [
      'the version before the content',
      { ...put, body: {}, ifMatch: only(3) },
      stored,
      'version-mismatch',
    ],
    [
      'an id of its own',
      { ...base, kind: 'create', body: { ...body, id: 'x' } },
      neverWritten,
      'malformed-body',
    ],
    ['another id', { ...put, body: { ...body, id: 'o2' } }, stored, 'malformed-body'],
    ['removing the id', { ...patch, body: { id: null } }, stored, 'malformed-body'],
    [
      'a result that breaks the schema',
      { ...patch, body: { total: null } },
      stored,
      'malformed-body',
    ],
    [
      'too much',
      { ...put, body: { total: 1, x: 'x'.repeat(stateBytesMax) } },
      stored,
      'body-too-large',
    ],
  ])('refuses %s', (...[, command, current, code]) => {
    expect(decide(command, current)).toMatchObject({ kind: 'refused', code });
  });

  it('carries what the command said beside the state that it made', () => {
    const change = decide({ ...patch, body: { total: 2, note: null } }, stored);
    const [event] = change.kind === 'change' ? change.events : [];
    expect(JSON.parse(event?.stateText ?? '')).toEqual({ id: 'o1', total: 2 });
    expect(JSON.parse(event?.dataText ?? '')).toEqual({ total: 2, note: null });
    expect(decide(remove, stored)).toMatchObject({ events: [{ stateText: null, dataText: null }] });
  });
});

const events = (count: number, text = '{}') =>
  Array.from({ length: count }, () => ({ type: 'order.paid', dataText: text, stateText: text }));

describe('a change of several events', () => {
  const change = (of: ReturnType<typeof events>) => changeOf(put, stored, 'updated', of);

  it('ends with the version of its last event', () => {
    const made = change(events(3));
    expect(made.kind === 'change' && versionAfter(made)).toBe(7);
  });

  it.each([
    ['events', events(eventsPerCommandMax + 1), 'command-refused', /101 events/],
    ['of a state', events(2, 'x'.repeat(stateBytesMax + 1)), 'body-too-large', /state/],
    ['altogether', events(3, 'x'.repeat(stateBytesMax)), 'body-too-large', /together/],
  ])('refuses too much %s', (...[, of, code, detail]) => {
    expect(change(of)).toMatchObject({
      kind: 'refused',
      code,
      detail: expect.stringMatching(detail),
    });
  });
});
