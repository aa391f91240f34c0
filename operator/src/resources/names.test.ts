import { expect, test } from 'vitest';
import { exampleService, ordersSpec } from '../api/v1alpha1/example-services.ts';
import { nameLengthMax } from '../api/v1alpha1/crd-fields.ts';
import { childName, commandUrl, components, kafkaBroker, queryUrl } from './names.ts';

const orders = exampleService('orders', ordersSpec);

test('children are named after their service', () => {
  expect(components.map((component) => childName(orders, component))).toEqual([
    'orders-command',
    'orders-relay',
    'orders-projector',
    'orders-query',
    'orders-postgres',
    'orders-redis',
  ]);
});

test('addresses name no cluster domain', () => {
  expect([commandUrl(orders), queryUrl(orders), kafkaBroker('shop')]).toEqual([
    'http://orders-command.shop.svc',
    'http://orders-query.shop.svc',
    'cqrs-kafka.shop.svc:9092',
  ]);
});

test.each(components)(
  '%s: the longest service name leaves room for a StatefulSet’s revision',
  (of) => {
    const longest = exampleService('n'.repeat(nameLengthMax), ordersSpec);
    // Its pods carry "<name>-<ten characters>" as a label, which ends at 63.
    expect(childName(longest, of).length).toBeLessThanOrEqual(63 - 11);
  },
);
