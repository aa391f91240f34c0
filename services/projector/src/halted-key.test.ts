import { expect, test } from 'vitest';
import { boundedError, parseHaltedKeys, withHaltedKeys } from './halted-key.ts';

test('reads the halted keys that functions.lua gives, whatever a key or an error holds', () => {
  const halted = parseHaltedKeys(['o 1', '17 it is not "a b"', '', '3 no key']);
  expect([...halted.values()]).toEqual([
    { key: 'o 1', offset: '17', error: 'it is not "a b"' },
    { key: '', offset: '3', error: 'no key' },
  ]);
  const more = { key: 'o2', offset: '18', error: 'no' };
  expect([...withHaltedKeys(halted, [more]).keys()]).toEqual(['o 1', '', 'o2']);
  expect(withHaltedKeys(halted, [])).toBe(halted);
});

test('an error is cut, and never within a character', () => {
  const error = boundedError('😀'.repeat(1_000).slice(1));
  expect(error.length).toBe(500);
  expect(error.isWellFormed()).toBe(true);
});
