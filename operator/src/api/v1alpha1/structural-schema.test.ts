import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { filledIn, listBy, oneOf, structural } from './structural-schema.ts';

test('a field with a default is not required of the user, at any depth', () => {
  const item = Type.Object({ name: Type.String(), size: Type.Integer({ default: 1 }) });
  const schema = Type.Object({
    policy: oneOf(['Retain', 'Delete'], { default: 'Retain', description: 'What stays.' }),
    inner: Type.Object({ on: Type.Boolean({ default: false }) }, filledIn),
    items: Type.Array(item, listBy('name', 3)),
    note: Type.Optional(Type.String()),
  });
  expect(structural(schema)).toEqual({
    type: 'object',
    required: ['items'],
    properties: {
      policy: {
        type: 'string',
        enum: ['Retain', 'Delete'],
        default: 'Retain',
        description: 'What stays.',
      },
      inner: {
        type: 'object',
        default: {},
        properties: { on: { type: 'boolean', default: false } },
      },
      items: {
        type: 'array',
        maxItems: 3,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: {
          type: 'object',
          required: ['name'],
          properties: { name: { type: 'string' }, size: { type: 'integer', default: 1 } },
        },
      },
      note: { type: 'string' },
    },
  });
});
