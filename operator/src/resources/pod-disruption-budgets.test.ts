import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { yamlOf } from './example-context.ts';
import { commandPdb, queryPdb } from './pod-disruption-budgets.ts';

const orders = wholeService('orders', ordersSpec);

test('one command pod at a time, a quarter of the query pods at a time', () => {
  expect(yamlOf(commandPdb(orders).spec)).toMatchInlineSnapshot(`
    "maxUnavailable: 1
    unhealthyPodEvictionPolicy: AlwaysAllow
    selector:
      matchLabels:
        app.kubernetes.io/name: cqrs-service
        app.kubernetes.io/instance: orders
        app.kubernetes.io/component: command
    "
  `);
  expect(yamlOf(queryPdb(orders).spec)).toMatchInlineSnapshot(`
    "maxUnavailable: 25%
    unhealthyPodEvictionPolicy: AlwaysAllow
    selector:
      matchLabels:
        app.kubernetes.io/name: cqrs-service
        app.kubernetes.io/instance: orders
        app.kubernetes.io/component: query
    "
  `);
});
