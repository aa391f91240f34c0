import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { projectorDeployment } from './projector-deployment.ts';
import { exampleContext } from './example-context.ts';
import { ownYaml } from './own-yaml.ts';
import { sharedDeployment } from './example-parts.ts';

test('the Deployment of the projector', () => {
  const orders = wholeService('orders', ordersSpec);
  const shared = sharedDeployment(orders, 'projector');
  expect(ownYaml(projectorDeployment(orders, exampleContext), shared)).toMatchInlineSnapshot(`
    "spec:
      replicas: (absent)
      strategy:
        type: RollingUpdate
        rollingUpdate:
          maxSurge: 25%
          maxUnavailable: 0
      template:
        metadata:
          annotations:
            cqrs.dev/config-checksum: 6335d5acfecb8879
        spec:
          containers:
            - name: projector
              env:
                - name: CQRS_LOG_LEVEL
                  value: info
                - name: CQRS_KAFKA_BROKERS
                  value: cqrs-kafka.shop.svc:9092
                - name: CQRS_REDIS_HOST
                  value: orders-redis.shop.svc
                - name: CQRS_REDIS_PORT
                  value: "6379"
                - name: CQRS_REDIS_PASSWORD
                  valueFrom:
                    secretKeyRef:
                      name: orders-redis
                      key: redis-password
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
  expect(projectorDeployment(suspended, exampleContext).spec.replicas).toBe(0);
});
