import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { relayDeployment } from './relay-deployment.ts';
import { exampleContext, yamlOf } from './example-context.ts';

test('the Deployment of the relay', () => {
  const orders = wholeService('orders', ordersSpec);
  expect(yamlOf(relayDeployment(orders, exampleContext))).toMatchInlineSnapshot(`
    "apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: orders-relay
      namespace: shop
      labels:
        app.kubernetes.io/name: cqrs-service
        app.kubernetes.io/instance: orders
        app.kubernetes.io/component: relay
        app.kubernetes.io/managed-by: cqrs-operator
      ownerReferences:
        - apiVersion: cqrs.dev/v1alpha1
          kind: CqrsService
          name: orders
          uid: uid-of-orders
          controller: true
          blockOwnerDeletion: true
    spec:
      replicas: 1
      revisionHistoryLimit: 3
      strategy:
        type: Recreate
      selector:
        matchLabels:
          app.kubernetes.io/name: cqrs-service
          app.kubernetes.io/instance: orders
          app.kubernetes.io/component: relay
      template:
        metadata:
          labels:
            app.kubernetes.io/name: cqrs-service
            app.kubernetes.io/instance: orders
            app.kubernetes.io/component: relay
            app.kubernetes.io/managed-by: cqrs-operator
          annotations:
            cqrs.dev/config-checksum: f6ba5a040fe43888
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
            - name: relay
              image: cqrs/services:1
              args:
                - services/relay/src/main.ts
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
              volumeMounts:
                - name: config
                  mountPath: /etc/cqrs
                  readOnly: true
                - name: tmp
                  mountPath: /tmp
              resources:
                requests:
                  cpu: 25m
                  memory: 96Mi
                limits:
                  memory: 384Mi
              ports:
                - name: ops
                  containerPort: 9090
              readinessProbe:
                httpGet:
                  path: /readyz
                  port: ops
                periodSeconds: 5
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
                name: orders-relay
            - name: tmp
              emptyDir:
                sizeLimit: 64Mi
    "
  `);
});

test('a suspended service has no pods of it', () => {
  const suspended = wholeService('orders', { ...ordersSpec, suspend: true });
  expect(relayDeployment(suspended, exampleContext).spec.replicas).toBe(0);
});
