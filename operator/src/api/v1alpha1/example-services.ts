import { Value } from 'typebox/value';
import { apiVersionOf } from '../../kube/resource-type.ts';
import { cqrsServiceSchema } from './crd-schema.ts';
import { cqrsServiceType, type CqrsService } from './schema.ts';
import { hasCommand, hasQuery, type CommandService, type QueryService } from './service-kinds.ts';

/** A spec as a user writes it, defaults left out. */
export type WrittenSpec = { readonly [field: string]: unknown };

/**
 * A CqrsService as the apiserver would return it: defaults filled in from the one schema. Throws a TypeError when
 * the spec does not fit the schema. For tests; no rule of the CRD is judged here.
 */
export function exampleService(name: string, spec: WrittenSpec): CqrsService {
  const filled = Value.Default(cqrsServiceSchema, { spec: structuredClone(spec) });
  if (!Value.Check(cqrsServiceSchema, filled)) {
    throw new TypeError(`${name}: ${JSON.stringify(Value.Errors(cqrsServiceSchema, filled))}`);
  }
  const metadata = { name, namespace: 'shop', uid: `uid-of-${name}`, generation: 1 };
  const { kind } = cqrsServiceType;
  return { apiVersion: apiVersionOf(cqrsServiceType), kind, metadata, spec: filled.spec };
}

/** An example that is written and read. */
export type WholeService = CommandService & QueryService;

/** Like `exampleService`, for a spec with both sides. */
export function wholeService(name: string, spec: WrittenSpec): WholeService {
  const service = exampleService(name, spec);
  if (!hasCommand(service) || !hasQuery(service)) throw new TypeError(`${name} lacks a side`);
  return service;
}

const orderSchema = {
  type: 'object',
  required: ['customerId', 'total'],
  properties: { customerId: { type: 'string' }, total: { type: 'number', minimum: 0 } },
};

export const ordersSpec = {
  aggregates: [{ name: 'order', schema: orderSchema }],
  command: {},
  query: {
    views: [
      {
        name: 'orders',
        sources: [{ aggregate: 'order' }],
        indexes: [{ by: ['customerId'], order: ['-placedAt'] }],
      },
    ],
  },
} as const;

export const paymentsSpec = {
  aggregates: [
    { name: 'payment', schema: { type: 'object', properties: { orderId: { type: 'string' } } } },
  ],
  command: { replicas: 1 },
  events: { retention: '30d' },
} as const;

/** Composes the events of `orders` and `payments`, and owns nothing. */
export const orderHistorySpec = {
  query: {
    views: [
      {
        name: 'order-history',
        sources: [
          { service: 'orders', aggregate: 'order' },
          { service: 'payments', aggregate: 'payment', key: 'orderId', as: 'payments', many: true },
          { service: 'customers', aggregate: 'customer', lookup: 'customerId', as: 'customer' },
        ],
      },
    ],
  },
} as const;
