import { expect, test } from 'vitest';
import { assertSameTopics } from './topic-identity.ts';

const before = new Map([
  ['shop.orders.order', 'one'],
  ['shop.orders.payment', 'two'],
]);

test('a topic with another id than before is another topic', () => {
  const now = new Map([...before, ['shop.orders.payment', 'three']]);
  expect(() => assertSameTopics(before, now)).toThrow(/shop\.orders\.payment .*made anew/);
});

test.each([
  ['has all ids as before', before],
  ['knows of one more', new Map([...before, ['shop.orders.customer', 'four']])],
  ['cannot tell', new Map<string, string>()],
])('nothing was made anew when Kafka %s', (_, now) => {
  expect(() => assertSameTopics(before, now)).not.toThrow();
});
