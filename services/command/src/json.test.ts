import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { depthMax, fieldProblemsMax, parseObject, pointerTo } from './json.ts';

const parse = (text: string) => parseObject(Buffer.from(text));

/** The integer that the shortest digits of a double stand for, which is what is stored. */
function exact(value: number): bigint {
  const [digits = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = digits.split('.');
  return BigInt(whole + fraction + '0'.repeat(Number(exponent) - fraction.length));
}

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
    ['{"n":9007199254740993e0}', '/n'],
    ['{"n":9.0071992547409930E15}', '/n'],
    ['{"n":9007199254740993.5}', '/n'],
  ])('refuses the number in %s instead of rounding it', (text, pointer) => {
    expect(parse(text)).toMatchObject({
      ok: false,
      errors: [{ pointer, detail: expect.stringContaining('send it as a string') }],
    });
  });

  it.each([
    '{"a":9007199254740991,"b":-9007199254740991,"c":1e300,"d":2.5e20}',
    '{"a":1e20,"b":100000000000000000000,"c":-1.000e+23,"d":123456789e15,"e":10E19,"f":0e999}',
  ])('accepts %s, where every number is written as it was meant', (text) => {
    expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) });
  });

  it('accepts an integer exactly when storing it changes nothing, however it is written', () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 30n), 10n ** 30n), fc.nat(5), (integer, moved) => {
        const digits = String(integer);
        const isKept = exact(Number(digits)) === integer;
        // JSON has no number that begins with 00.
        const exponent = integer === 0n ? `0e-${moved}` : `${digits}${'0'.repeat(moved)}e-${moved}`;
        for (const text of [digits, exponent, `${digits}.000`]) {
          expect(parse(`{"n":${text}}`).ok).toBe(isKept);
        }
      }),
    );
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
        const parsed = parse(text);
        expect(parsed).toEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });
});

it('escapes JSON Pointers as RFC 6901 says', () => {
  expect(pointerTo('/a', 'm~n/o')).toBe('/a/m~0n~1o');
});
