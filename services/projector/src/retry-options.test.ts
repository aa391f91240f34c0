import { expect, test } from 'vitest';
import { parseRetryOptions } from './retry-options.ts';

test('takes one view, one key (the empty one too) and a time to wait', () => {
  expect(parseRetryOptions([])).toEqual({
    ok: true,
    options: { view: undefined, key: undefined, waitMs: 30_000 },
  });
  expect(parseRetryOptions(['--view', 'orders', '--key', '', '--wait', '1.5'])).toEqual({
    ok: true,
    options: { view: 'orders', key: '', waitMs: 1_500 },
  });
});

test.each([
  [['--veiw', 'x']],
  [['orders']],
  [['--wait', 'long']],
  [['--wait', '-1']],
  [['--wait=']],
])('refuses %j', (args) => {
  expect(parseRetryOptions(args)).toMatchObject({ ok: false });
});
