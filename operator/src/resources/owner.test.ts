import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { yamlOf } from './example-context.ts';
import { ownedMeta } from './owner.ts';

test('whose an object is stands in its labels and in its owner, with which it goes', () => {
  const orders = wholeService('orders', ordersSpec);
  expect(yamlOf(ownedMeta(orders, 'command'))).toMatchInlineSnapshot(`
    "name: orders-command
    namespace: shop
    labels:
      app.kubernetes.io/name: cqrs-service
      app.kubernetes.io/instance: orders
      app.kubernetes.io/component: command
      app.kubernetes.io/managed-by: cqrs-operator
    ownerReferences:
      - apiVersion: cqrs.dev/v1alpha1
        kind: CqrsService
        name: orders
        uid: uid-of-orders
        controller: true
        blockOwnerDeletion: true
    "
  `);
});
