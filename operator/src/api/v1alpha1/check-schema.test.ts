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
    ['a reference out of the schema', { $ref: 'https://example.com/a' }, "can't resolve reference"],
    ['a broken pattern', { properties: { a: { pattern: '(' } } }, 'Invalid regular expression'],
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
});
