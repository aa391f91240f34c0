import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { exampleContext } from './example-context.ts';
import { ownYaml } from './own-yaml.ts';
import { sharedStore } from './example-parts.ts';
import { redisConfigMap } from './redis-config-map.ts';
import { redisStatefulSet } from './redis-stateful-set.ts';

const orders = wholeService('orders', ordersSpec);
const withMemory = (resources: object) =>
  wholeService('orders', { ...ordersSpec, query: { ...ordersSpec.query, redis: { resources } } });

test('the StatefulSet of the read database', () => {
  const shared = sharedStore(orders, 'redis');
  expect(ownYaml(redisStatefulSet(orders, exampleContext), shared)).toMatchInlineSnapshot(`
    "spec:
      template:
        metadata:
          annotations:
            cqrs.dev/config-checksum: 78b57f07cfaa19b4
        spec:
          securityContext:
            runAsUser: 999
            runAsGroup: 999
            fsGroup: 999
          containers:
            - name: redis
              image: redis:8
              volumeMounts:
                - name: data
                  mountPath: /data
                - name: config
                  mountPath: /etc/redis
                  readOnly: true
              resources:
                requests:
                  cpu: 50m
                  memory: 64Mi
                limits:
                  memory: 512Mi
              command:
                - flock
                - --no-fork
                - --timeout=60
                - /data/lock
                - redis-server
                - /etc/redis/redis.conf
                - --requirepass
                - $(REDIS_PASSWORD)
              env:
                - name: REDIS_PASSWORD
                  valueFrom:
                    secretKeyRef:
                      name: orders-redis
                      key: redis-password
                - name: REDISCLI_AUTH
                  valueFrom:
                    secretKeyRef:
                      name: orders-redis
                      key: redis-password
              ports:
                - name: redis
                  containerPort: 6379
              readinessProbe:
                exec:
                  command:
                    - sh
                    - -ec
                    - redis-cli -h 127.0.0.1 ping | grep -qx PONG
                periodSeconds: 5
                timeoutSeconds: 5
                failureThreshold: 2
              livenessProbe:
                tcpSocket:
                  port: redis
                initialDelaySeconds: 10
                periodSeconds: 10
                timeoutSeconds: 5
                failureThreshold: 6
          volumes:
            - name: config
              configMap:
                name: orders-redis
    "
  `);
});

test('its configuration', () => {
  expect(redisConfigMap(orders).data['redis.conf']).toMatchInlineSnapshot(`
    "bind * -::*
    protected-mode no
    port 6379
    dir /data
    appendonly yes
    appendfsync everysec
    save ""
    maxmemory-policy noeviction
    daemonize no
    maxmemory 402653184
    "
  `);
});

test.each([
  {
    title: 'follows the limit',
    resources: { limits: { memory: '4Gi' } },
    line: 'maxmemory 3221225472',
  },
  { title: 'is open without one', resources: { requests: { memory: '4Gi' } }, line: undefined },
])('the data set’s bound $title', ({ resources, line }) => {
  const conf = redisConfigMap(withMemory(resources)).data['redis.conf'] ?? '';
  expect(/^maxmemory [0-9]+$/m.exec(conf)?.[0]).toBe(line);
});

test('another bound rolls the pod, which reads it once', () => {
  const annotations = (of: typeof orders) =>
    redisStatefulSet(of, exampleContext).spec.template.metadata.annotations;
  expect(annotations(withMemory({ limits: { memory: '4Gi' } }))).not.toEqual(annotations(orders));
});
