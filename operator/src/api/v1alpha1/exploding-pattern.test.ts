import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { isExploding } from './exploding-pattern.ts';

/** Whether the engine itself takes longer for this text. */
function takesLonger(timeoutMs: number, pattern: string, text: string): boolean {
  try {
    const inside = { pattern, text };
    runInNewContext('new RegExp(pattern, "u").test(text)', inside, { timeout: timeoutMs });
    return false;
  } catch {
    return true;
  }
}

describe('a pattern explodes', () => {
  test.each([
    ['^(a+)+$', 'a', '!'],
    ['^(a*)*$', 'a', '!'],
    ['^(a|a)*$', 'a', '!'],
    ['^(a|b*)*$', 'b', '!'],
    ['^(a|aa)+$', 'a', '!'],
    ['^(foo|bar|foobar)*$', 'foobar', '!'],
    ['^([a-z]+\\d?)+$', 'a', '!'],
    ['^(\\w+\\s?)*$', 'a', '!'],
    ['^(?:x{1,50}){1,50}$', 'x', '!'],
    ['^(\\s*,\\s*)*$', ' , ', '!'],
    ['^(.*a)+$', 'a', '\n'],
    ['^(?=(a+)+$)a', 'a', '!'],
    ['^(?<name>[^@]+)+@$', 'a', '!@!'],
    ['^([\\p{L}]|é)+$', 'é', '!'],
  ])('%s, and so the engine says', (pattern, part, end) => {
    expect(isExploding(pattern)).toBe(true);
    expect(takesLonger(300, pattern, part.repeat(40) + end)).toBe(true);
  });
});

describe('a pattern does not explode', () => {
  test.each([
    '',
    '^[a-z]+$',
    '^[a-z][a-z0-9]*(-[a-z0-9]+)*$',
    '^[A-Z]{2}\\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?$',
    '^\\d{4}-(0[1-9]|1[0-2])-\\d{2}T\\d{2}:\\d{2}(:\\d{2}(\\.\\d+)?)?(Z|[+-]\\d{2}:\\d{2})$',
    '^([0-9a-f]{2}){16}$',
    '^([0-9a-f]{2}:){5}[0-9a-f]{2}$',
    '^(a{0,2}b)*$',
    '^(?:\\+\\d{1,3} )?(?:\\d+[ -]?){1,5}\\d$',
    '^[^\\s@]+@[^\\s@.]+(\\.[^\\s@.]+)+$',
    '^"(?:[^"\\\\]|\\\\.)*"$',
    '^(foo|bar|foot)*$',
    '^(?!.*\\.\\.)[a-z.]+$',
    '^(\\/[^/]+)*\\/?$',
    '^\\p{Lu}[\\p{L}\\p{M}’ -]*$',
    '^(?<year>\\d+)-\\k<year>$',
    '[\\]a-z]|\\u{1F600}|\\x41|\\cA',
  ])('%s', (pattern) => {
    expect(isExploding(pattern)).toBe(false);
    for (const part of ['a', '1', ' ', '.', '-', '/', 'ab', 'a.', '1 ', '\\', 'foobar']) {
      expect(takesLonger(5_000, pattern, `${part.repeat(60)}!`)).toBe(false);
    }
  });

  test('that is too large to be judged, within a bound', () => {
    const many = Array.from({ length: 2000 }, (_, place) => `a${place}`).join('|');
    const startedMs = performance.now();
    expect(isExploding(`^(${many})*$`)).toBe(false);
    expect(isExploding(`^(${'[a-z]+'.repeat(500)})+$`)).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});
