import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';

test('seed and minutes are read, and have defaults', () => {
  expect(parseOptions(['--seed', '7', '--minutes', '3'], 1)).toEqual({
    ok: true,
    options: { seed: 7, minutes: 3 },
  });
  expect(parseOptions([], 42)).toEqual({ ok: true, options: { seed: 42, minutes: 1 } });
});

test.each([
  ['--seed', 'x'],
  ['--seed', '-1'],
  ['--minutes', '0'],
  ['--minutes', '999'],
  ['--what'],
])('%s %s is refused with the usage', (...args) => {
  const parsed = parseOptions(args, 1);
  expect(parsed).toMatchObject({ ok: false, exitCode: 2 });
  expect(parsed).toMatchObject({ message: expect.stringContaining('npm run faults') });
});
