import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { depthMax, fieldProblemsMax, parseObject, pointerTo } from './json.ts';

const parse = (text: string) => parseObject(Buffer.from(text));

describe('parseObject', () => {
  it.each([
    ['nothing', '', 'The body is empty'],
    ['broken JSON', '{"a":', 'The body is not JSON'],
    ['an array', '[1]', 'must be a JSON object'],
    ['a string', '"x"', 'must be a JSON object'],
    ['null', 'null', 'must be a JSON object'],
  ])('refuses %s', (_, text, detail) => {
    expect(parse(text)).toMatchObject({ ok: false, detail: expect.stringContaining(detail) });
  });

  it.each([
    ['{"a":{"b":"x\\u0000y"}}', '/a/b', 'U+0000'],
    ['{"a":["ok","\\ud800"]}', '/a/1', 'surrogate'],
    ['{"n":1e400}', '/n', 'too large'],
    ['{"a/b~c":-1e999}', '/a~1b~0c', 'too large'],
    ['{"__proto__":{"admin":true}}', '', '__proto__'],
    ['{"a":{"x\\u0000":1}}', '/a', 'U+0000'],
  ])('names the field of %s', (text, pointer, detail) => {
    expect(parse(text)).toMatchObject({
      ok: false,
      errors: [{ pointer, detail: expect.stringContaining(detail) }],
    });
  });

  it.each([
    ['{"n":9007199254740993}', '/n'],
    ['{"a":[1,{"b":-12345678901234567890}]}', '/a/1/b'],
  ])('refuses the integer in %s instead of rounding it', (text, pointer) => {
    expect(parse(text)).toMatchObject({
      ok: false,
      errors: [{ pointer, detail: expect.stringContaining('send it as a string') }],
    });
  });

  it('accepts safe integers, and large numbers that are no integer literals', () => {
    const text = '{"a":9007199254740991,"b":-9007199254740991,"c":1e300,"d":2.5e20}';
    expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) });
  });

  it('refuses bytes that are not UTF-8 instead of replacing them', () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    expect(parseObject(bytes)).toMatchObject({
      ok: false,
      detail: expect.stringContaining('UTF-8'),
    });
  });

  it('bounds depth and the number of errors', () => {
    const deep = `{"a":${'['.repeat(depthMax)}${']'.repeat(depthMax)}}`;
    expect(parse(deep)).toMatchObject({ ok: false });
    const wide = parse(JSON.stringify({ list: Array.from({ length: 500 }, () => '\0') }));
    expect(wide.ok ? [] : wide.errors).toHaveLength(fieldProblemsMax);
  });

  it('gives back every other object unchanged', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.jsonValue()), (body) => {
        const text = JSON.stringify(body);
        fc.pre(text.isWellFormed() && !text.includes('\\u0000') && !text.includes('__proto__'));
        fc.pre(!/\\ud[89a-f]/i.test(text));
        fc.pre(!/(?<![.\d])\d{16,}(?![\d.e])/.test(text));
        const parsed = parse(text);
        expect(parsed).toEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });
});

it('escapes JSON Pointers as RFC 6901 says', () => {
  expect(pointerTo('/a', 'm~n/o')).toBe('/a/m~0n~1o');
});
