import { describe, expect, it } from 'vitest';
import { formatEntityTag, matches, parseEntityTags, type EntityTags } from './preconditions.ts';

describe('parseEntityTags', () => {
  it.each<['if-match' | 'if-none-match', string | undefined, EntityTags | undefined]>([
    ['if-match', undefined, undefined],
    ['if-match', ' * ', { kind: 'any' }],
    ['if-match', '"3"', { kind: 'versions', versions: [3] }],
    ['if-match', '"3", "17"', { kind: 'versions', versions: [3, 17] }],
    ['if-match', 'W/"3"', { kind: 'versions', versions: [] }],
    ['if-none-match', 'W/"3"', { kind: 'versions', versions: [3] }],
    ['if-match', '"of-another-server", "03"', { kind: 'versions', versions: [] }],
    ['if-match', '"a,b" ,\t"3" ', { kind: 'versions', versions: [3] }],
    ['if-match', '"7-gzip"', { kind: 'versions', versions: [7] }],
    ['if-match', 'W/"7-gzip", "7-br", "7-gzip-gzip"', { kind: 'versions', versions: [] }],
    ['if-none-match', 'W/"7-gzip"', { kind: 'versions', versions: [7] }],
    ['if-match', formatEntityTag(8), { kind: 'versions', versions: [8] }],
  ])('%s: %s', (name, value, tags) => {
    expect(parseEntityTags(name, value)).toEqual({ ok: true, tags });
  });

  it.each(['3', '', '"3', '"3",', '"a b"', '"3" "4"', ',"3"', '*, "3"'])(
    'refuses %j and says what to send',
    (value) => {
      expect(parseEntityTags('if-match', value)).toMatchObject({
        ok: false,
        detail: expect.stringContaining('such as "3"'),
      });
    },
  );
});

describe('matches', () => {
  it.each<[EntityTags, number | undefined, boolean]>([
    [{ kind: 'any' }, 1, true],
    [{ kind: 'any' }, undefined, false],
    [{ kind: 'versions', versions: [2, 3] }, 3, true],
    [{ kind: 'versions', versions: [2, 3] }, 4, false],
    [{ kind: 'versions', versions: [2, 3] }, undefined, false],
  ])('%j and version %s: %s', (tags, current, expected) => {
    expect(matches(tags, current)).toBe(expected);
  });
});
