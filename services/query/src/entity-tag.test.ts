import { expect, test } from 'vitest';
import { codedTag, digestTag, isNamed } from './entity-tag.ts';

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

test('content in another coding has another tag', () => {
  expect(codedTag('7', 'identity')).toBe('"7"');
  expect(codedTag('7', 'gzip')).toBe('"7-gzip"');
});

test('a digest names its content and fits into a tag', () => {
  expect(digestTag('[1]')).toMatch(/^[\w-]{16}$/);
  expect(digestTag('[1]')).toBe(digestTag('[1]'));
  expect(digestTag('[2]')).not.toBe(digestTag('[1]'));
});
