import { expect, test } from 'vitest';
import { standingOf } from './standing.ts';

test.each([
  ['nothing is known to keep it', [], { kind: 'moving' }],
  ['its key', ['KEY', 't:3', '17'], { kind: 'halted', topicPartition: 't:3', offset: '17' }],
  ['a partition of its topic', ['PARTITION', 't:3'], { kind: 'doubtful', topicPartition: 't:3' }],
  ['the dead letter of its own event', ['SKIPPED', '4'], { kind: 'dead-lettered' }],
  ['the dead letter of a later event', ['SKIPPED', '5'], { kind: 'dead-lettered' }],
  ['the second of three dead letters', ['SKIPPED', '5', '3'], { kind: 'dead-lettered' }],
  ['no dead letter, as the first is later', ['SKIPPED', '6', '5'], { kind: 'moving' }],
  ['no dead letter but an earlier one', ['SKIPPED', '3'], { kind: 'moving' }],
])('version 4 is kept by %s', (_, answer, standing) => {
  expect(standingOf(4, answer)).toEqual(standing);
});
