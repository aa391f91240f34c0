import { describe, expect, test } from 'vitest';
import { checkAggregateSchemas } from './check-schema.ts';

const order = (schema: Record<string, unknown>) => [
  { name: 'order', schema: { type: 'object', ...schema } },
];

describe('checkAggregateSchemas', () => {
  test.each<[string, Record<string, unknown>, string]>([
    [
      'a type that does not exist',
      { properties: { a: { type: 'strin' } } },
      'properties/a/type must be one of array, boolean, integer, null, number, object, string.',
    ],
    [
      'a type that does not exist in a list',
      { properties: { a: { type: ['null', 'strin'] } } },
      'properties/a/type/1 must be one of array, boolean,',
    ],
    [
      'a value of the wrong kind',
      { properties: { a: { minLength: 'x' } } },
      'properties/a/minLength must be integer',
    ],
    ['a keyword that does not exist', { requierd: ['a'] }, 'unknown keyword: "requierd"'],
    ['a format that does not exist', { properties: { a: { format: 'emial' } } }, '"emial"'],
    ['the format url, whose pattern takes seconds', { format: 'url' }, 'use "uri"'],
    ['a reference out of the schema', { $ref: 'https://example.com/a' }, "can't resolve reference"],
    ['a broken pattern', { properties: { a: { pattern: '(' } } }, 'Invalid regular expression'],
    [
      'a pattern that explodes',
      { properties: { a: { items: { type: 'string', pattern: '^(a+)+$' } } } },
      'the pattern "^(a+)+$" takes twice as long with each character of some texts; write it so',
    ],
    [
      'a pattern of names that explodes',
      { patternProperties: { '^(\\w+-?)*$': { type: 'string' } } },
      'the pattern "^(\\\\w+-?)*$" takes twice as long',
    ],
    ['an asynchronous schema', { $async: true }, '"$async" is not supported'],
  ])('names %s', (_, schema, part) => {
    const [problem, ...others] = checkAggregateSchemas(order(schema));
    expect(others).toEqual([]);
    expect(problem?.aggregate).toBe('order');
    expect(problem?.message).toContain('The schema of aggregate order cannot be used: ');
    expect(problem?.message).toContain(part);
  });

  test('finds nothing in a schema of 2020-12 with formats and annotations', () => {
    const schema = {
      $id: 'order',
      required: ['placedAt'],
      properties: {
        placedAt: { type: 'string', format: 'date-time', description: 'When.', examples: ['…'] },
        items: { type: 'array', prefixItems: [{ $ref: '#/$defs/item' }] },
      },
      $defs: { item: { type: ['string', 'null'] } },
      unevaluatedProperties: false,
    };
    expect(checkAggregateSchemas(order(schema))).toEqual([]);
    expect(checkAggregateSchemas([...order(schema), ...order(schema)])).toEqual([]);
  });

  test('finds nothing in what only looks like a pattern', () => {
    const schema = {
      properties: {
        pattern: { type: 'string', pattern: '^[a-z]+(-[a-z]+)*$' },
        shape: { const: { pattern: '^(a+)+$' } },
      },
    };
    expect(checkAggregateSchemas(order(schema))).toEqual([]);
  });

  test('compiles a large definition that is referred to often once, where copies would not fit into memory', () => {
    const fields = Array.from({ length: 300 }, (_, index) => [`f${index}`, { type: 'string' }]);
    const refs = Array.from({ length: 500 }, (_, index) => [`r${index}`, { $ref: '#/$defs/wide' }]);
    const schema = {
      properties: Object.fromEntries(refs),
      $defs: { wide: { type: 'object', properties: Object.fromEntries(fields) } },
    };
    expect(checkAggregateSchemas(order(schema))).toEqual([]);
  });

  test('refuses a schema with more nodes or bytes than the bound', () => {
    const many = Array.from({ length: 3_000 }, (_, index) => [`f${index}`, { type: 'string' }]);
    expect(checkAggregateSchemas(order({ properties: Object.fromEntries(many) }))).toEqual([
      {
        aggregate: 'order',
        message:
          'The schema of aggregate order has 3002 nodes; the bound is 2000: split the aggregate or use $defs.',
      },
    ]);
    expect(checkAggregateSchemas(order({ description: 'x'.repeat(65_536) }))).toMatchObject([
      { message: expect.stringContaining('bytes of JSON; the bound is 65536') },
    ]);
  });
});
