import { expect, test } from 'vitest';
import { isNamed } from './entity-tag.ts';

test.each([
  ['"7"', true],
  ['W/"7"', true],
  ['"1", "7"', true],
  ['*', true],
  ['"77"', false],
  ['7', false],
  ['', false],
])('%s names "7": %s', (header, expected) => {
  expect(isNamed(header, '"7"')).toBe(expected);
});
