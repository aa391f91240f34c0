import { expect, test } from 'vitest';
import { createTokenKeys } from './token-keys.ts';

test('passes that find no Secret at the same time get one key, and later ones another', () => {
  let drawn = 0;
  const due: (() => void)[] = [];
  const keyOf = createTokenKeys(() => `key-${(drawn += 1)}`, {
    schedule(_delayMs, run) {
      due.push(run);
      return () => {};
    },
  });
  expect([keyOf('shop'), keyOf('billing'), keyOf('shop')]).toEqual(['key-1', 'key-2', 'key-1']);
  for (const run of due) run();
  expect(keyOf('shop')).toBe('key-3');
});
