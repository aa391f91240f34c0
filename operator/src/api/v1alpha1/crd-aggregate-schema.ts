import type { JsonSchema } from '@cqrs/contract/config.ts';
import { Type } from 'typebox';
import { dnsLabel, objectName, objectNameLengthMax } from './crd-fields.ts';
import { validations } from './structural-schema.ts';

const modulePathLengthMax = 253;

// What Node takes for a module; a module of TypeScript is run as it is.
const moduleEnd = '[.](ts|mts|js|mjs)$';

const behavior = Type.Object(
  {
    configMap: Type.Optional(
      Type.Object(
        {
          name: objectName('A ConfigMap of this namespace; a change of its module rolls the pods.'),
          key: Type.String({
            description: 'The key that holds the module, as in "order.ts".',
            minLength: 1,
            maxLength: objectNameLengthMax,
            ...validations({
              rule: `self.matches('^[A-Za-z0-9_-][A-Za-z0-9_.-]*${moduleEnd}')`,
              message: 'name a key that ends in .ts, .mts, .js or .mjs, as in "order.ts"',
            }),
          }),
        },
        { description: 'The module is a key of a ConfigMap.' },
      ),
    ),
    module: Type.Optional(
      Type.String({
        description: 'Absolute path of the module in command.image.',
        minLength: 1,
        maxLength: modulePathLengthMax,
        ...validations({
          rule: `self.matches('^/.*${moduleEnd}')`,
          message:
            'give the absolute path of a module that ends in .ts, .mts, .js or .mjs, as in "/app/order.ts"',
        }),
      }),
    ),
  },
  {
    description: 'What commands do, in code: a TypeScript or JavaScript module.',
    ...validations({
      rule: 'has(self.configMap) != has(self.module)',
      message: 'a module is in one place: give either "configMap" or "module"',
    }),
  },
);

export const aggregate = Type.Object({
  name: dnsLabel('Name in the command API (/<name>/<id>), in topics and in views.'),
  schema: Type.Unsafe<JsonSchema>({
    description:
      'JSON Schema (2020-12) of the aggregate’s state. Commands that break it are refused with 400.',
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
    properties: {
      type: { type: 'string', maxLength: 20, description: 'Always "object".' },
    },
    ...validations({
      rule: "has(self.type) && self.type == 'object'",
      message:
        'an aggregate’s state is an object: write "type: object" and put its fields under "properties"',
    }),
  }),
  behavior: Type.Optional(behavior),
});
