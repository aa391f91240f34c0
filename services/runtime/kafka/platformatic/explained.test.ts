import { expect, test } from 'vitest';
import { explained } from './explained.ts';

test('says what the errors within say, each thing once, and keeps the whole as its cause', () => {
  const inner = new AggregateError(
    [new Error('Not the leader.'), new Error('Timed out.')],
    'produce failed',
  );
  const outer = new AggregateError([inner, new Error('Timed out.')], 'failed 2 times');
  expect(explained(outer)).toMatchObject({ message: 'Not the leader. Timed out.', cause: outer });
});

test('takes anything that was thrown', () => {
  expect(explained(new AggregateError([], 'nothing in it')).message).toBe('nothing in it');
  expect(explained('text').message).toBe('text');
});
