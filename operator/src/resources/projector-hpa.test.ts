import { expect, test } from 'vitest';
import {
  exampleService,
  ordersSpec,
  paymentsSpec,
  wholeService,
} from '../api/v1alpha1/example-services.ts';
import { projectorHpa } from './projector-hpa.ts';

const projector = { maxReplicas: 16, eventsBehind: 50_000 };
const query = {
  projector,
  views: [
    {
      name: 'history',
      sources: [
        { aggregate: 'order' },
        { service: 'payments', aggregate: 'payment', as: 'payments', by: 'orderId' },
      ],
    },
  ],
};
const orders = wholeService('orders', { ...ordersSpec, events: { partitions: 3 }, query });

test.each([
  ['as its own topics have partitions', 3, [['payments', 1]]],
  ['as the topics that it reads have', 9, [['payments', 9]]],
  ['as the spec allows', 16, [['payments', 40]]],
  ['as the spec allows, while a source is not there', 16, []],
] as const)('there are never more projectors than %s', (_, maxReplicas, others) => {
  const siblings = others.map(
    ([name, partitions]) =>
      [name, exampleService(name, { ...paymentsSpec, events: { partitions } })] as const,
  );
  expect(projectorHpa(orders, new Map(siblings)).spec.maxReplicas).toBe(maxReplicas);
});

test('the HPA of the projector', () => {
  const hpa = projectorHpa(
    orders,
    new Map([['payments', exampleService('payments', paymentsSpec)]]),
  );
  expect(hpa.spec).toMatchObject({
    scaleTargetRef: { name: 'orders-projector' },
    minReplicas: 1,
    maxReplicas: 12,
    metrics: [
      {
        object: {
          describedObject: { kind: 'CqrsService', name: 'orders' },
          metric: { name: 'events-behind' },
          target: { type: 'AverageValue', averageValue: '50000' },
        },
      },
    ],
    behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
  });
});
