import { describe, expect, it } from 'vitest';
import { checkTopicsKept, firstEvents, idsOf } from './topic-decision.ts';

const service = { namespace: 'shop', name: 'orders' };
type Counts = Record<string, number>;
type Ids = Record<string, string>;
const check = (published: Counts, taken: Counts, ids: { before?: Ids; now?: Ids } = {}): void =>
  checkTopicsKept({
    service,
    published: new Map(Object.entries(published)),
    topicIds: new Map(Object.entries(ids.before ?? {})),
    found: new Map(
      Object.entries(taken).map(([topic, records]) => [
        topic,
        { id: ids.now?.[topic], taken: records },
      ]),
    ),
  });

describe('checkTopicsKept', () => {
  it.each([
    ['as many records as events', { a: 3 }, { a: 3 }],
    ['more, as some are repeated', { a: 3 }, { a: 5 }],
    ['a topic that nothing was published to yet', {}, {}],
    ['a record that knows of no events', {}, { a: 7 }],
  ])('accepts %s', (_, published, taken) => {
    expect(() => check(published, taken)).not.toThrow();
  });

  it('refuses a topic that was made anew, although somebody has filled it', () => {
    const ids = { before: { a: 'one' }, now: { a: 'other' } };
    expect(() => check({ a: 3 }, { a: 7 }, ids)).toThrow(
      expect.objectContaining({
        code: 'CQRS_TOPIC_LOST',
        message: expect.stringContaining('topic a, and now it is another one of the same name'),
      }),
    );
  });

  it.each([
    ['the same topic', { before: { a: 'one' }, now: { a: 'one' } }],
    ['a topic whose id an earlier relay did not note', { now: { a: 'one' } }],
    ['a client that knows no ids', { before: { a: 'one' } }],
  ])('accepts %s', (_, ids) => {
    expect(() => check({ a: 3 }, { a: 3 }, ids)).not.toThrow();
  });

  it('accepts a topic that was made anew, or is gone, before anything was published to it', () => {
    const ids = { before: { a: 'one' }, now: { a: 'other' } };
    expect(() => check({ a: 0, b: 0 }, { a: 9 }, ids)).not.toThrow();
  });

  it.each([
    ['a topic that is gone', { a: 3, b: 1 }, { a: 3 }, 'topic b, and now it does not exist'],
    ['a topic that is empty again', { a: 3 }, { a: 0 }, 'has taken 0 records'],
    ['a topic that lost its end', { a: 3 }, { a: 2 }, '3 events'],
  ])('refuses %s', (_, published, taken, says) => {
    expect(() => check(published, taken)).toThrow(
      expect.objectContaining({
        code: 'CQRS_TOPIC_LOST',
        message: expect.stringContaining(says),
      }),
    );
    expect(() => check(published, taken)).toThrow('deploy/orders-relay');
  });
});

it('idsOf leaves out what the client does not know, and topics that are still empty', () => {
  const found = new Map([
    ['a', { id: 'one', taken: 3 }],
    ['b', { id: undefined, taken: 3 }],
    ['c', { id: 'three', taken: 0 }],
    ['d', { id: 'four', taken: 9 }],
  ]);
  const published = new Map([
    ['a', 3],
    ['b', 3],
    ['c', 0],
  ]);
  expect(idsOf({ published, found })).toEqual(new Map([['a', 'one']]));
});

it('firstEvents counts those of topics that had none', () => {
  const batch = ['a', 'b', 'a', 'c', 'b'].map((topic) => ({ topic }));
  const published = new Map([
    ['a', 1],
    ['c', 0],
  ]);
  expect(firstEvents(batch, published)).toEqual(
    new Map([
      ['b', 2],
      ['c', 1],
    ]),
  );
});
