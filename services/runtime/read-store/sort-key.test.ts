import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { sortedCharactersMax, sortField, sortKey } from './sort-key.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc
    .array(fc.constantFrom('\0', '\u0001', '\u0002', 'a', '\u007f', '\u0080', '\ud800', '😀'))
    .map((all) => all.join('')),
);
const scalar = fc.oneof(
  text,
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
);

const kinds = ['null', 'false', 'true', 'number', 'string', 'other'];
const kindOf = (value: unknown): number =>
  kinds.indexOf(
    value === null || value === undefined
      ? 'null'
      : typeof value === 'boolean'
        ? String(value)
        : typeof value === 'number' || typeof value === 'string'
          ? typeof value
          : 'other',
  );

const firstCharacters = (value: string): Buffer =>
  Buffer.from(Array.from(value.toWellFormed()).slice(0, sortedCharactersMax).join(''));

/** The order that sort keys must keep, said without them. */
function compare(one: unknown, other: unknown): number {
  if (kindOf(one) !== kindOf(other)) return Math.sign(kindOf(one) - kindOf(other));
  if (typeof one === 'number' && typeof other === 'number') {
    return one === other ? 0 : one < other ? -1 : 1;
  }
  if (typeof one === 'string' && typeof other === 'string') {
    return Buffer.compare(firstCharacters(one), firstCharacters(other));
  }
  return 0;
}

const asRedisCompares = (one: string, other: string): number =>
  Buffer.compare(Buffer.from(one), Buffer.from(other));

test('keys sort as their values do, in either direction', () => {
  fc.assert(
    fc.property(scalar, scalar, (a, b) => {
      for (const [field, sign] of [['x', 1] as const, ['-x', -1] as const]) {
        const [one, other] = [a, b].map((x) => sortKey([sortField(field)], { x }));
        expect(asRedisCompares(one ?? '', other ?? '')).toBe(sign * compare(a, b) + 0);
      }
    }),
    { numRuns: 1000 },
  );
});

test('the first field that differs decides, whatever follows the key', () => {
  const state = fc.record({ a: scalar, b: scalar });
  const order = [sortField('-a'), sortField('b')];
  fc.assert(
    fc.property(state, state, text, text, (one, other, oneTail, otherTail) => {
      const expected = -compare(one.a, other.a) || compare(one.b, other.b);
      fc.pre(expected !== 0);
      const keys = [sortKey(order, one) + oneTail, sortKey(order, other) + otherTail] as const;
      expect(asRedisCompares(...keys)).toBe(expected);
    }),
    { numRuns: 1000 },
  );
});

test('of a long text only the first characters count, so a key is bounded', () => {
  const order = [sortField('-x')];
  const [one, other] = ['a', 'b'].map((end) => sortKey(order, { x: '😀'.repeat(200) + end }));
  expect(one).toBe(other);
  expect(Buffer.byteLength(one ?? '')).toBeLessThanOrEqual(4 * sortedCharactersMax + 3);
});

test('objects and arrays come last, and all at one place', () => {
  const keys = ['\u{10ffff}', [], { a: 1 }].map((x) => sortKey([sortField('x')], { x }));
  expect(keys[1]).toBe(keys[2]);
  expect(asRedisCompares(keys[0] ?? '', keys[1] ?? '')).toBe(-1);
});

test('a missing field named constructor sorts as missing and not as what every object inherits', () => {
  const order = [sortField('constructor')];
  expect(sortKey(order, {})).toBe(sortKey(order, { constructor: null }));
});
