import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { exampleContext, yamlOf } from './example-context.ts';
import { topicCleanupJob } from './topic-cleanup-job.ts';

test('the Job that deletes the topics of a service', () => {
  const orders = wholeService('orders', { ...ordersSpec, deletionPolicy: 'Delete' });
  expect(yamlOf(topicCleanupJob(orders, exampleContext))).toMatchInlineSnapshot(`
    "apiVersion: batch/v1
    kind: Job
    metadata:
      name: orders-topic-cleanup
      namespace: shop
      labels:
        app.kubernetes.io/name: cqrs-service
        app.kubernetes.io/instance: orders
        app.kubernetes.io/component: topic-cleanup
        app.kubernetes.io/managed-by: cqrs-operator
      ownerReferences:
        - apiVersion: cqrs.dev/v1alpha1
          kind: CqrsService
          name: orders
          uid: uid-of-orders
          controller: true
          blockOwnerDeletion: true
    spec:
      backoffLimit: 6
      activeDeadlineSeconds: 300
      template:
        metadata:
          labels:
            app.kubernetes.io/name: cqrs-service
            app.kubernetes.io/instance: orders
            app.kubernetes.io/component: topic-cleanup
            app.kubernetes.io/managed-by: cqrs-operator
          annotations:
            cqrs.dev/config: '{"service":{"namespace":"shop","name":"orders"},"slot":"cqrs_shop_orders","publication":"cqrs","topics":[{"aggregate":"order","topic":"shop.orders.order","partitions":12,"retention":"forever"}]}'
            cqrs.dev/config-checksum: 548b66e50da9be4a
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
            - name: topic-cleanup
              image: cqrs/services:1
              args:
                - services/relay/src/delete-topics.ts
              env:
                - name: CQRS_LOG_LEVEL
                  value: info
                - name: CQRS_KAFKA_BROKERS
                  value: cqrs-kafka.shop.svc:9092
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
              downwardAPI:
                items:
                  - path: config.json
                    fieldRef:
                      fieldPath: metadata.annotations['cqrs.dev/config']
            - name: tmp
              emptyDir:
                sizeLimit: 64Mi
          restartPolicy: Never
    "
  `);
});
