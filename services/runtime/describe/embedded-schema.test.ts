import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { embedSchema, withMembers, withoutRequired } from './embedded-schema.ts';

const at = '#/components/schemas/order';
const id = { type: 'string' };

test('references of a schema to itself follow it to where it stands', () => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    properties: {
      lines: { items: { $ref: '#/$defs/line' } },
      parent: { $ref: '#' },
      link: { $ref: 'https://example.com/other#/$defs/x' },
      $ref: { const: { $ref: '#/not/a/reference' } },
    },
    $defs: { line: { examples: [{ $ref: '#/x' }] }, own: { $id: 'urn:own', $ref: '#/$defs/y' } },
  };
  expect(embedSchema(schema, at)).toEqual({
    properties: {
      lines: { items: { $ref: `${at}/$defs/line` } },
      parent: { $ref: at },
      link: { $ref: 'https://example.com/other#/$defs/x' },
      $ref: { const: { $ref: '#/not/a/reference' } },
    },
    $defs: schema.$defs,
  });
});

describe('a schema with members beside it', () => {
  const closed = { properties: { total: { type: 'number' } }, additionalProperties: false };
  test.each([
    ['an open one', { properties: { total: { type: 'number' } } }],
    ['a closed one', closed],
    ['one that is closed behind a reference', { $ref: '#/$defs/closed', $defs: { closed } }],
    ['an open union', { oneOf: [{ required: ['total'] }, { required: ['sum'] }] }],
    ['one that closes a branch', { anyOf: [closed] }],
    ['one that names the member', { properties: { total: {}, id: { minLength: 1 } } }],
    ['one that refers to itself', { properties: { next: { $ref: '#' } } }],
  ])('%s takes a state and its id', (_, schema) => {
    const described = withMembers(schema, at, { id });
    const document = { components: { schemas: { order: embedSchema(schema, at) } }, ...described };
    const validate = new Ajv2020({ strict: false }).compile(document);
    expect(validate({ total: 1, id: 'o1' })).toBe(true);
    expect(validate({ total: 1 })).toBe(false);
  });

  test('what an open one says about its fields still holds', () => {
    const schema = { oneOf: [{ required: ['total'] }, { required: ['sum'] }] };
    const described = withMembers(schema, at, { id });
    const document = { components: { schemas: { order: schema } }, ...described };
    expect(new Ajv2020({ strict: false }).compile(document)({ id: 'o1' })).toBe(false);
  });

  test('a member takes the place of a field of its name, except the id', () => {
    const schema = { properties: { id: { format: 'uuid' }, customer: { type: 'string' } } };
    const members = { id, customer: { type: 'object' } };
    expect(withMembers(schema, at, members)).toMatchObject({
      properties: { id: { format: 'uuid' }, customer: { type: 'object' } },
    });
  });
});

test('a body may lack what is added to it', () => {
  expect(withoutRequired({ required: ['total'] }, at, 'id')).toEqual({ $ref: at });
  expect(withoutRequired({ required: ['id', 'total'] }, at, 'id')).toEqual({ required: ['total'] });
  expect(withoutRequired({ allOf: [{ required: ['id'] }] }, at, 'id')).toMatchObject({
    type: 'object',
  });
});
