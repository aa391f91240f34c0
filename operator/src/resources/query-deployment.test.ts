import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { exampleContext, yamlOf } from './example-context.ts';
import { queryDeployment } from './query-deployment.ts';

const orders = wholeService('orders', ordersSpec);
const suspended = wholeService('orders', { ...ordersSpec, suspend: true });

test('the Deployment of the query API', () => {
  expect(yamlOf(queryDeployment(orders, exampleContext, undefined))).toMatchInlineSnapshot(`
    "apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: orders-query
      namespace: shop
      labels:
        app.kubernetes.io/name: cqrs-service
        app.kubernetes.io/instance: orders
        app.kubernetes.io/component: query
        app.kubernetes.io/managed-by: cqrs-operator
      ownerReferences:
        - apiVersion: cqrs.dev/v1alpha1
          kind: CqrsService
          name: orders
          uid: uid-of-orders
          controller: true
          blockOwnerDeletion: true
    spec:
      revisionHistoryLimit: 3
      strategy:
        type: RollingUpdate
        rollingUpdate:
          maxSurge: 25%
          maxUnavailable: 0
      selector:
        matchLabels:
          app.kubernetes.io/name: cqrs-service
          app.kubernetes.io/instance: orders
          app.kubernetes.io/component: query
      template:
        metadata:
          labels:
            app.kubernetes.io/name: cqrs-service
            app.kubernetes.io/instance: orders
            app.kubernetes.io/component: query
            app.kubernetes.io/managed-by: cqrs-operator
          annotations:
            cqrs.dev/config-checksum: 13ffb72e71134ed7
        spec:
          automountServiceAccountToken: false
          enableServiceLinks: false
          terminationGracePeriodSeconds: 30
          securityContext:
            runAsNonRoot: true
            runAsUser: 65532
            runAsGroup: 65532
            fsGroup: 65532
            fsGroupChangePolicy: OnRootMismatch
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: query
              image: cqrs/services:1
              args:
                - services/query/src/main.ts
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
              volumeMounts:
                - name: config
                  mountPath: /etc/cqrs
                  readOnly: true
                - name: tmp
                  mountPath: /tmp
              resources:
                requests:
                  cpu: 20m
                  memory: 64Mi
                limits:
                  memory: 256Mi
              ports:
                - name: http
                  containerPort: 8080
                - name: ops
                  containerPort: 9090
              readinessProbe:
                httpGet:
                  path: /readyz
                  port: ops
                periodSeconds: 1
                timeoutSeconds: 2
                failureThreshold: 3
              livenessProbe:
                httpGet:
                  path: /livez
                  port: ops
                initialDelaySeconds: 10
                periodSeconds: 10
                timeoutSeconds: 5
                failureThreshold: 6
              imagePullPolicy: IfNotPresent
              terminationMessagePolicy: FallbackToLogsOnError
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop:
                    - ALL
          volumes:
            - name: config
              configMap:
                name: orders-query
            - name: tmp
              emptyDir:
                sizeLimit: 64Mi
          topologySpreadConstraints:
            - maxSkew: 1
              topologyKey: kubernetes.io/hostname
              whenUnsatisfiable: ScheduleAnyway
              labelSelector:
                matchLabels:
                  app.kubernetes.io/name: cqrs-service
                  app.kubernetes.io/instance: orders
                  app.kubernetes.io/component: query
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
