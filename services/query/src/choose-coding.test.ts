import { expect, test } from 'vitest';
import { chooseCoding } from './choose-coding.ts';

test.each([
  [['gzip', 'identity'], 8192, true, 'gzip'],
  [['gzip', 'identity'], 8191, true, 'identity'],
  [['gzip', 'identity'], 1e6, false, 'identity'],
  [['identity', 'gzip'], 1e6, true, 'identity'],
  [['identity'], 1e6, true, 'identity'],
  [['gzip'], 2, true, 'gzip'],
  [['gzip'], 2, false, null],
] as const)('%j of %d bytes, room %s: %s', (allowed, bytes, canCompress, expected) => {
  expect(chooseCoding(allowed, bytes, canCompress)).toBe(expected);
});
