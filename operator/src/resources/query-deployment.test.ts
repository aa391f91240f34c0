import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { exampleContext } from './example-context.ts';
import { ownYaml } from './own-yaml.ts';
import { servingProgram, sharedDeployment } from './example-parts.ts';
import { queryDeployment } from './query-deployment.ts';

const orders = wholeService('orders', ordersSpec);
const suspended = wholeService('orders', { ...ordersSpec, suspend: true });

test('the Deployment of the query API', () => {
  const shared = sharedDeployment(orders, 'query', servingProgram);
  expect(ownYaml(queryDeployment(orders, exampleContext, undefined), shared))
    .toMatchInlineSnapshot(`
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
              cqrs.dev/config-checksum: 13ffb72e71134ed7
          spec:
            containers:
              - name: query
                env:
                  - name: CQRS_LOG_LEVEL
                    value: info
                  - name: CQRS_REDIS_HOST
                    value: orders-redis.shop.svc
                  - name: CQRS_REDIS_PORT
                    value: "6379"
                  - name: CQRS_REDIS_PASSWORD
                    valueFrom:
                      secretKeyRef:
                        name: orders-redis
                        key: redis-password
                  - name: CQRS_TOKEN_KEY
                    valueFrom:
                      secretKeyRef:
                        name: cqrs-consistency
                        key: token-key
                  - name: CQRS_TOKEN_KEY_PREVIOUS
                    valueFrom:
                      secretKeyRef:
                        name: cqrs-consistency
                        key: previous-token-key
                        optional: true
                resources:
                  requests:
                    cpu: 20m
                    memory: 64Mi
                  limits:
                    memory: 256Mi
      "
    `);
});

test.each([
  { name: 'the autoscaler owns them', service: orders, given: undefined, replicas: undefined },
  { name: 'a number is given', service: orders, given: 3, replicas: 3 },
  { name: 'suspended', service: suspended, given: undefined, replicas: 0 },
  { name: 'suspended, whatever is given', service: suspended, given: 3, replicas: 0 },
])('replicas: $name', ({ service, given, replicas }) => {
  const { spec } = queryDeployment(service, exampleContext, given);
  expect(spec.replicas).toBe(replicas);
  expect('replicas' in spec).toBe(replicas !== undefined);
});

test('resources that the user names replace the defaults', () => {
  const resources = { requests: { cpu: '250m' }, limits: { memory: '1Gi' } };
  const query = { ...ordersSpec.query, resources };
  const service = wholeService('orders', { ...ordersSpec, query });
  const { template } = queryDeployment(service, exampleContext, undefined).spec;
  expect(template.spec.containers[0]?.resources).toEqual(resources);
});
