import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { memberText } from './json-member.ts';

test('finds what JSON.parse finds, in any object, however it is spaced', () => {
  const object = fc.dictionary(
    fc.oneof(fc.constantFrom('state', 'data', 'stat\u00e9', 'a"b', '\\'), fc.string()),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(object, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
      const json = JSON.stringify(value, null, space);
      for (const name of [...Object.keys(value), 'state']) {
        const found = memberText(json, name);
        expect(found === null ? undefined : JSON.parse(found)).toEqual(
          Object.hasOwn(value, name) ? JSON.parse(JSON.stringify(value[name])) : undefined,
        );
      }
    }),
    { numRuns: 400 },
  );
});

test.each([
  [
    '{"data":null,"state":{"n":12345678901234567890,"e":1e400,"b":1,"2":2}}',
    '{"n":12345678901234567890,"e":1e400,"b":1,"2":2}',
  ],
  ['{"state": 1, "state": [ "}" , "\\"" ] }', '[ "}" , "\\"" ]'],
  [' { } ', null],
  ['{"data":{"state":1}}', null],
])('keeps the text of %s', (json, expected) => {
  expect(memberText(json, 'state')).toBe(expected);
});
