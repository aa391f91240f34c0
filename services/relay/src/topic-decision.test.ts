import { describe, expect, it } from 'vitest';
import { checkTopicsKept } from './topic-decision.ts';

const service = { namespace: 'shop', name: 'orders' };
const check = (published: Record<string, number>, taken: Record<string, number>): void =>
  checkTopicsKept({
    service,
    published: new Map(Object.entries(published)),
    taken: new Map(Object.entries(taken)),
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
