import { expect, test } from 'vitest';
import { answerBytesMax, nextSlice } from './keys-slice.ts';

test.each([
  [0, 0, 100, 16],
  [0, 0, 3, 3],
  [16, 16 * 300, 84, 84],
  [16, 0, 84, 84],
  [16, answerBytesMax / 2, 84, 16],
  [16, answerBytesMax - 1, 84, 1],
  [16, answerBytesMax, 84, 0],
  [100, 5, 0, 0],
])('%d keys of %d bytes read, %d left: %d next', (keys, bytes, left, expected) => {
  expect(nextSlice({ keys, bytes }, left)).toBe(expected);
});
