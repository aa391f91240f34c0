import { describe, expect, it } from 'vitest';
import { compileAggregates } from './aggregate.ts';
import { fieldProblemsMax } from './json.ts';

const schema = {
  type: 'object',
  required: ['customerId', 'total'],
  additionalProperties: false,
  properties: {
    customerId: { type: 'string', minLength: 1 },
    total: { type: 'number', minimum: 0 },
    status: { enum: ['placed', 'shipped'] },
    placedAt: { type: 'string', format: 'date-time' },
    lines: { type: 'array', items: { type: 'object', required: ['sku'] } },
  },
};

function validate(state: Record<string, unknown>, with_: object = schema) {
  const aggregate = compileAggregates([{ name: 'order', schema: { ...with_ } }]).get('order');
  return aggregate?.validate(state);
}

const emptyLines = (count: number) => Array.from({ length: count }, () => ({}));

describe('validate', () => {
  it('accepts what fits', () => {
    expect(validate({ id: 'o1', customerId: 'c1', total: 5, lines: [{ sku: 'a' }] })).toEqual([]);
  });

  it('does not take what every object inherits for a field that was sent', () => {
    const inherited = {
      type: 'object',
      required: ['toString'],
      properties: { constructor: { type: 'string' } },
    };
    expect(validate({ toString: 'mine' }, inherited)).toEqual([]);
    expect(validate({}, inherited)).toMatchObject([{ pointer: '/toString' }]);
  });

  it('names every field with a pointer and a sentence', () => {
    expect(
      validate({
        id: 'o1',
        total: -1,
        status: 'lost',
        placedAt: 'yesterday',
        'to/tal': 1,
        lines: [{ sku: 'a' }, {}],
      }),
    ).toEqual(
      expect.arrayContaining([
        { pointer: '/customerId', detail: 'is missing' },
        { pointer: '/total', detail: 'must be >= 0' },
        { pointer: '/status', detail: 'must be one of ["placed","shipped"]' },
        { pointer: '/placedAt', detail: 'must match format "date-time"' },
        { pointer: '/lines/1/sku', detail: 'is missing' },
        {
          pointer: '/to~1tal',
          detail: 'is no field here; the schema allows customerId, total, status, placedAt, lines',
        },
      ]),
    );
  });

  it('judges the id only when the schema speaks of it', () => {
    const strict = { ...schema, properties: { ...schema.properties, id: { pattern: '^o' } } };
    expect(validate({ id: 'x', customerId: 'c', total: 1 })).toEqual([]);
    expect(validate({ id: 'x', customerId: 'c', total: 1 }, strict)).toEqual([
      { pointer: '/id', detail: 'must match pattern "^o"' },
    ]);
  });

  it('bounds how many errors it names', () => {
    const many = validate({ id: 'o', customerId: 'c', total: 1, lines: emptyLines(100) });
    expect(many).toHaveLength(fieldProblemsMax);
    const huge = validate({ id: 'o', customerId: 'c', total: 1, lines: emptyLines(50_000) });
    expect(huge).toEqual([{ pointer: '/lines/0/sku', detail: 'is missing' }]);
  });
});

it.each([
  [{ type: 'object', requried: ['a'] }, 'requried'],
  [{ properties: { at: { type: 'string', format: 'datetime' } } }, 'datetime'],
  [{ $ref: 'https://example.com/order.json' }, 'order.json'],
  [{ type: 'objekt' }, 'type'],
])('refuses the schema %j at start', (wrong, named) => {
  expect(() => compileAggregates([{ name: 'order', schema: wrong }])).toThrow(
    expect.objectContaining({
      code: 'CQRS_CONFIG_INVALID',
      message: expect.stringMatching(new RegExp(`aggregate order .*${named}`)),
    }),
  );
});

describe('compileAggregates', () => {
  it('compiles a large definition that is referred to often once, where copies would not fit into memory', () => {
    const fields = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [`f${index}`, { type: 'string', maxLength: 9 }]),
    );
    const refs = Array.from({ length: 500 }, (_, index) => [`r${index}`, { $ref: '#/$defs/wide' }]);
    const problems = validate(
      { r499: { f299: 1 } },
      { properties: Object.fromEntries(refs), $defs: { wide: { properties: fields } } },
    );
    expect(problems).toEqual([{ pointer: '/r499/f299', detail: 'must be string' }]);
  });

  it('refuses a schema with more nodes or bytes than the bound', () => {
    const many = Array.from({ length: 3_000 }, (_, index) => [`f${index}`, {}]);
    expect(() => validate({}, { properties: Object.fromEntries(many) })).toThrow(
      'order has 3002 nodes; the bound is 2000',
    );
    expect(() => validate({}, { description: 'x'.repeat(65_536) })).toThrow('the bound is 65536');
  });

  it('refuses the format url, whose pattern takes seconds, and names uri', () => {
    expect(() => validate({}, { properties: { a: { format: 'url' } } })).toThrow('use "uri"');
    expect(validate({ a: 'x' }, { properties: { a: { type: 'string', format: 'uri' } } })).toEqual([
      { pointer: '/a', detail: 'must match format "uri"' },
    ]);
  });
});

describe('uniqueItems', () => {
  const unique = { properties: { a: { uniqueItems: true } } };

  it('finds that 50,000 objects differ, which comparing each with each would never end', () => {
    const a = Array.from({ length: 50_000 }, (_, index) => ({ index, same: { x: [1] } }));
    expect(validate({ a }, unique)).toEqual([]);
  });

  it('takes objects for equal whatever the order of their fields', () => {
    const a = [{ x: 1, y: { b: 1, c: [2] } }, 'z', { y: { c: [2], b: 1 }, x: 1 }];
    expect(validate({ a }, unique)).toEqual([
      { pointer: '/a', detail: 'must NOT have duplicate items (items ## 0 and 2 are identical)' },
    ]);
  });

  it('tells values of different types apart, and may be off', () => {
    const a = [1, '1', [1], ['1'], { 1: 1 }, { 1: '1' }, null, 'null', true, 'true', '[1]'];
    expect(validate({ a }, unique)).toEqual([]);
    expect(validate({ a: [1, 1] }, { properties: { a: { uniqueItems: false } } })).toEqual([]);
  });
});
