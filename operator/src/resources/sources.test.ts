import { describe, expect, test } from 'vitest';
import { hasQuery, type QueryService } from '../api/v1alpha1/service-kinds.ts';
import {
  exampleService,
  orderHistorySpec,
  ordersSpec,
  paymentsSpec,
  type WrittenSpec,
} from '../api/v1alpha1/example-services.ts';
import { sourceServices, unresolvedSources } from './sources.ts';

function reader(spec: WrittenSpec): QueryService {
  const service = exampleService('order-history', spec);
  if (!hasQuery(service)) throw new TypeError('no query');
  return service;
}

const history = reader(orderHistorySpec);
const orders = exampleService('orders', ordersSpec);
const payments = exampleService('payments', paymentsSpec);
const customers = exampleService('customers', {
  command: {},
  aggregates: [{ name: 'customer', schema: { type: 'object' } }],
});
const siblings = (...services: (typeof orders)[]) =>
  new Map([history, ...services].map((service) => [service.metadata.name, service]));

describe('unresolvedSources', () => {
  test('is empty when all sources are there', () => {
    expect(unresolvedSources(history, siblings(orders, payments, customers))).toEqual([]);
  });

  test('names a service that does not exist', () => {
    expect(unresolvedSources(history, siblings(orders, payments))).toEqual([
      {
        view: 'order-history',
        service: 'customers',
        aggregate: 'customer',
        reason: 'SourceServiceMissing',
        message:
          'View order-history reads from the CqrsService customers, which does not exist in this namespace.',
      },
    ]);
  });

  test('names an aggregate that its service does not have', () => {
    const sources = [{ service: 'orders', aggregate: 'ordr' }];
    const wrong = reader({ query: { views: [{ name: 'orders', sources }] } });
    expect(unresolvedSources(wrong, siblings(orders))).toEqual([
      {
        view: 'orders',
        service: 'orders',
        aggregate: 'ordr',
        reason: 'SourceAggregateMissing',
        message:
          'View orders reads the aggregate ordr, which the CqrsService orders does not have.',
      },
    ]);
  });

  test('judges a service that names itself by its own aggregates', () => {
    const sources = [{ service: 'order-history', aggregate: 'order' }];
    const self = reader({ query: { views: [{ name: 'orders', sources }] } });
    expect(unresolvedSources(self, siblings(orders))).toMatchObject([
      { service: 'order-history', reason: 'SourceAggregateMissing' },
    ]);
  });
});

test.each([
  { name: 'composed', service: history, others: ['customers', 'orders', 'payments'] },
  { name: 'local', service: orders, others: [] },
  { name: 'write-only', service: payments, others: [] },
])('sourceServices of a $name service: $others', ({ service, others }) => {
  expect(sourceServices(service)).toEqual(others);
});
