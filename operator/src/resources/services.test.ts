import { expect, test } from 'vitest';
import {
  exampleService,
  ordersSpec,
  paymentsSpec,
  wholeService,
} from '../api/v1alpha1/example-services.ts';
import { yamlOf } from './example-context.ts';
import { ownYaml } from './own-yaml.ts';
import { ownedMeta } from './owner.ts';
import {
  kafkaService,
  commandService,
  postgresService,
  queryService,
  redisService,
} from './services.ts';

const orders = wholeService('orders', ordersSpec);

test('clients reach the command API at port 80', () => {
  expect(ownYaml(commandService(orders), { metadata: ownedMeta(orders, 'command') }))
    .toMatchInlineSnapshot(`
    "apiVersion: v1
    kind: Service
    spec:
      type: ClusterIP
      selector:
        app.kubernetes.io/name: cqrs-service
        app.kubernetes.io/instance: orders
        app.kubernetes.io/component: command
      ports:
        - name: http
          port: 80
          targetPort: http
    "
  `);
});

test.each([
  { service: queryService(orders), name: 'orders-query', component: 'query', port: 80 },
  { service: postgresService(orders), name: 'orders-postgres', component: 'postgres', port: 5432 },
  { service: redisService(orders), name: 'orders-redis', component: 'redis', port: 6379 },
])('$name leads to the pods of $component at $port', ({ service, name, component, port }) => {
  expect(service.metadata.name).toBe(name);
  expect(service.spec.selector).toMatchObject({ 'app.kubernetes.io/component': component });
  expect(service.spec.ports.map((one) => one.port)).toEqual([port]);
});

test('the broker’s Service belongs to all that use it', () => {
  const users = [orders, exampleService('payments', paymentsSpec)] as const;
  expect(yamlOf(kafkaService(users))).toMatchInlineSnapshot(`
    "apiVersion: v1
    kind: Service
    metadata:
      name: cqrs-kafka
      namespace: shop
      labels:
        app.kubernetes.io/name: cqrs-kafka
        app.kubernetes.io/instance: cqrs-kafka
        app.kubernetes.io/component: kafka
        app.kubernetes.io/managed-by: cqrs-operator
      ownerReferences:
        - apiVersion: cqrs.dev/v1alpha1
          kind: CqrsService
          name: orders
          uid: uid-of-orders
        - apiVersion: cqrs.dev/v1alpha1
          kind: CqrsService
          name: payments
          uid: uid-of-payments
    spec:
      type: ClusterIP
      selector:
        app.kubernetes.io/name: cqrs-kafka
        app.kubernetes.io/instance: cqrs-kafka
        app.kubernetes.io/component: kafka
      ports:
        - name: kafka
          port: 9092
          targetPort: kafka
    "
  `);
});
