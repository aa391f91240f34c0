import { expect, test } from 'vitest';
import { queryApi } from './query-api.ts';

const service = { namespace: 'test', name: 'shop' };
const root = { topic: 't.s.order', aggregate: 'order', gapless: true, role: 'root' } as const;

type Parameter = { readonly name?: string; readonly schema?: object };
type Document = {
  readonly paths: Readonly<Record<string, { get: { parameters: readonly Parameter[] } }>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
};

function describe(parts: Partial<Parameters<typeof queryApi>[0]>): Document {
  const views = [{ name: 'orders', sources: [root], indexes: [] }];
  return queryApi({ service, views, ...parts }) as unknown as Document;
}

test('a field of several indexes is one parameter, and orders are listed', () => {
  const indexes = [
    { by: ['customerId'], order: ['-total', 'placedAt'] },
    { by: ['customerId', 'status'], order: [] },
    { by: [], order: ['total'] },
  ];
  const { paths } = describe({ views: [{ name: 'orders', sources: [root], indexes }] });
  const own = paths['/orders']?.get.parameters.filter(({ name }) => name !== undefined);
  expect(own?.map(({ name }) => name)).toEqual(['customerId', 'status', 'order']);
  expect(own?.at(-1)?.schema).toEqual({ type: 'string', enum: ['-total,placedAt', 'total'] });
});

test('a document has what is shown beside its root', () => {
  const sources = [
    root,
    { ...root, topic: 't.s.line', role: 'part', key: 'orderId', as: 'lines', many: true },
    { ...root, topic: 't.s.note', role: 'part', key: 'orderId', as: 'note', many: false },
    { ...root, topic: 't.s.person', role: 'lookup', lookup: 'customerId', as: 'customer' },
  ] as const;
  const schemas = {
    [root.topic]: { properties: { customer: { type: 'string' } }, additionalProperties: false },
  };
  const { components } = describe({
    views: [{ name: 'orders', sources, indexes: [] }],
    schemas,
  });
  expect(components.schemas['orders']).toMatchObject({
    additionalProperties: false,
    required: ['id', 'lines', 'note', 'customer'],
    properties: {
      id: { type: 'string' },
      lines: { type: 'array' },
      note: { anyOf: [{ type: 'object' }, { type: 'null' }] },
      customer: { anyOf: [{ type: 'object' }, { type: 'null' }] },
    },
  });
});

test('without a schema a document is an object with an id', () => {
  expect(describe({}).components.schemas['orders']).toEqual({
    type: 'object',
    properties: { id: { type: 'string', description: "The aggregate's." } },
    required: ['id'],
  });
});
