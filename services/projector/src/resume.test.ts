import { expect, test } from 'vitest';
import { resume } from './resume.ts';

const of = { topicPartition: 'shop.orders.order:3', low: 100n, high: 200n, gapless: true };

test.each([
  ['nothing was applied yet', null, 100n],
  ['the position lies in the topic', 150n, 150n],
  ['everything was applied', 200n, 200n],
  ['the position is where the topic begins', 100n, 100n],
])('goes on when %s', (_, position, from) => {
  expect(resume({ ...of, position })).toEqual({ from });
});

test('halts before a topic that ends short of the position', () => {
  expect(resume({ ...of, position: 201n })).toMatchObject({
    halt: {
      code: 'CQRS_POSITION_AHEAD',
      message: expect.stringMatching(/order:3 up to offset 201.*ends at 200/) as string,
    },
  });
});

test('halts before a topic that has lost events which the view counts on, and skips those it does not', () => {
  expect(resume({ ...of, position: 99n })).toMatchObject({
    halt: {
      code: 'CQRS_EVENTS_EXPIRED',
      message: expect.stringMatching(/begins at 100/) as string,
    },
  });
  expect(resume({ ...of, position: 99n, gapless: false })).toEqual({ from: 100n });
});
