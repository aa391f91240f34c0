import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { relayDeployment } from './relay-deployment.ts';
import { exampleContext } from './example-context.ts';
import { ownYaml } from './own-yaml.ts';
import { sharedDeployment } from './example-parts.ts';

test('the Deployment of the relay', () => {
  const orders = wholeService('orders', ordersSpec);
  const shared = sharedDeployment(orders, 'relay');
  expect(ownYaml(relayDeployment(orders, exampleContext), shared)).toMatchInlineSnapshot(`
    "spec:
      template:
        metadata:
          annotations:
            cqrs.dev/config-checksum: f6ba5a040fe43888
        spec:
          containers:
            - name: relay
              env:
                - name: CQRS_LOG_LEVEL
                  value: info
                - name: CQRS_POSTGRES_HOST
                  value: orders-postgres.shop.svc
                - name: CQRS_POSTGRES_PORT
                  value: "5432"
                - name: CQRS_POSTGRES_DATABASE
                  value: cqrs
                - name: CQRS_POSTGRES_USER
                  value: cqrs_relay
                - name: CQRS_POSTGRES_PASSWORD
                  valueFrom:
                    secretKeyRef:
                      name: orders-postgres
                      key: relay-password
                - name: CQRS_KAFKA_BROKERS
                  value: cqrs-kafka.shop.svc:9092
                - name: NODE_OPTIONS
                  value: --max-semi-space-size=4 --max-old-space-size=96
                - name: MALLOC_ARENA_MAX
                  value: "2"
              resources:
                requests:
                  cpu: 25m
                  memory: 96Mi
                limits:
                  memory: 384Mi
    "
  `);
});

test('a suspended service has no pods of it', () => {
  const suspended = wholeService('orders', { ...ordersSpec, suspend: true });
  expect(relayDeployment(suspended, exampleContext).spec.replicas).toBe(0);
});
