import { describe, expect, it } from 'vitest';
import { readModule, runCall, type AuthorModule } from './author-module.ts';

type Events = readonly { readonly type: string; readonly data: object }[];

/** Answers with what the command's data say, and keeps the data of every event. */
const echo: AuthorModule = {
  decide: (command) => (command as { data: { give: unknown } }).data.give,
  evolve: (state, event) => Object.assign({}, state, (event as Events[number]).data),
  commandsText: null,
};
const callOf = (give: unknown, state: object | null = null) =>
  JSON.stringify({ name: 'go', data: { give }, id: 'a1', now: '2026-03-01T09:00:00Z', state });
const run = (give: unknown, over: Partial<AuthorModule> = {}) =>
  runCall({ ...echo, ...over }, callOf(give, { id: 'a1', before: true }));

describe('readModule', () => {
  it.each<[Readonly<Record<string, unknown>>, string]>([
    [{}, 'does not export `decide`'],
    [{ decide: () => [] }, 'does not export `evolve`'],
    [{ decide: 1, evolve: () => null }, 'exports `decide`, which is no function'],
    [{ decide: () => [], evolve: () => null, commands: ['go'] }, 'exports `commands`'],
    [{ decide: () => [], evolve: () => null, commands: { go: 1 } }, 'exports `commands`'],
  ])('says of %o what is wrong', (exports, reason) => {
    expect(readModule(exports)).toMatchObject({
      ok: false,
      reason: expect.stringContaining(reason),
    });
  });

  it('takes the schemas as JSON', () => {
    const exports = { decide: () => [], evolve: () => null, commands: { go: { type: 'object' } } };
    const read = readModule(exports);
    expect(read.ok && read.module.commandsText).toBe('{"go":{"type":"object"}}');
  });
});

describe('runCall', () => {
  it('folds each event on the state after the one before', () => {
    const events = [
      { type: 'first', data: { a: 1 } },
      { type: 'second', data: { b: 2, a: 3 } },
    ];
    expect(run(events)).toEqual({
      kind: 'events',
      events: [
        {
          type: 'first',
          dataText: '{"a":1}',
          stateText: '{"id":"a1","before":true,"a":1}',
        },
        {
          type: 'second',
          dataText: '{"b":2,"a":3}',
          stateText: '{"id":"a1","before":true,"a":3,"b":2}',
        },
      ],
    });
  });

  it('gives `evolve` what the store will give it, with dates as text', () => {
    const seen: unknown[] = [];
    const at = new Date('2026-03-01T09:00:00Z');
    const reply = run(null, {
      decide: () => ['first', 'second'].map((type) => ({ type, data: { at } })),
      evolve: (state, event) => {
        seen.push(state, event);
        return { at };
      },
    });
    const data = { at: '2026-03-01T09:00:00.000Z' };
    expect(reply.kind).toBe('events');
    expect(seen).toEqual([
      { id: 'a1', before: true },
      { type: 'first', data },
      { ...data, id: 'a1' },
      { type: 'second', data },
    ]);
  });

  it('deletes and begins anew within one command', () => {
    const states = [null, { n: 1 }];
    const reply = run(
      [
        { type: 'ended', data: {} },
        { type: 'begun', data: {} },
      ],
      { evolve: () => states.shift() },
    );
    expect(reply).toMatchObject({
      events: [{ stateText: null }, { stateText: '{"n":1,"id":"a1"}' }],
    });
  });

  it('refuses with a reason of a bounded length, and knows when nothing is known', () => {
    expect(run({ refused: 'no' })).toEqual({ kind: 'refused', reason: 'no' });
    const long = run({ refused: 'n'.repeat(9_999) });
    expect(long.kind === 'refused' && long.reason.length).toBe(1_000);
    expect(run(undefined)).toEqual({ kind: 'unknown' });
    expect(run([])).toEqual({ kind: 'events', events: [] });
  });

  const one = [{ type: 'gone', data: {} }];
  it.each<[string, unknown, Partial<AuthorModule>, string]>([
    ['no list', { type: 'gone' }, {}, 'not a list of events'],
    ['null', null, {}, '`decide` on the command go gave null'],
    ['a promise', [], { decide: async () => Promise.reject(new Error('late')) }, 'gave a promise'],
    ['an event of no type', [{ data: {} }], {}, 'kebab-case'],
    ['an event type with a dot', [{ type: 'order.gone', data: {} }], {}, 'kebab-case'],
    ['an event without data', [{ type: 'gone' }], {}, 'without an object as its data'],
    ['too many events', Array.from({ length: 101 }, () => one[0]), {}, '101 events'],
    ['no state', one, { evolve: () => undefined }, '`evolve` on the event gone gave undefined'],
    ['a promised state', one, { evolve: async () => ({}) }, 'gave a promise'],
    ['another id', one, { evolve: () => ({ id: 'a2' }) }, 'another id than a1'],
    ['what is no JSON', one, { evolve: () => ({ n: 1n }) }, '`evolve` on the event gone threw'],
  ])('names a module that gives %s', (_what, give, over, detail) => {
    expect(run(give, over)).toMatchObject({
      kind: 'failed',
      detail: expect.stringContaining(detail),
    });
  });

  it('keeps what was thrown apart from what a client may read', () => {
    const reply = run([], {
      decide: () => {
        throw new Error('inner');
      },
    });
    expect(reply).toEqual({
      kind: 'failed',
      detail: '`decide` on the command go threw.',
      thrown: expect.stringContaining('Error: inner'),
    });
  });
});
