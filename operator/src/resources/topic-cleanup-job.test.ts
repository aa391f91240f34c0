import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { exampleContext } from './example-context.ts';
import { labels } from './labels.ts';
import { ownYaml } from './own-yaml.ts';
import { ownedMeta } from './owner.ts';
import { sharedPod } from './example-parts.ts';
import { topicCleanupJob } from './topic-cleanup-job.ts';

test('the Job that deletes the topics of a service', () => {
  const orders = wholeService('orders', { ...ordersSpec, deletionPolicy: 'Delete' });
  const { spec, ...job } = topicCleanupJob(orders, exampleContext);
  const { template, ...rest } = spec;
  expect(job).toEqual({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: ownedMeta(orders, 'topic-cleanup'),
  });
  expect(rest).toEqual({ backoffLimit: 6, activeDeadlineSeconds: 300 });
  const shared = sharedPod('topic-cleanup', labels(orders, 'topic-cleanup'));
  expect(ownYaml(template, shared)).toMatchInlineSnapshot(`
    "metadata:
      annotations:
        cqrs.dev/config-checksum: 548b66e50da9be4a
        cqrs.dev/config: '{"service":{"namespace":"shop","name":"orders"},"slot":"cqrs_shop_orders","publication":"cqrs","topics":[{"aggregate":"order","topic":"shop.orders.order","partitions":12,"retention":"forever"}]}'
    spec:
      securityContext:
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
      containers:
        - name: topic-cleanup
          image: cqrs/services:1
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
          args:
            - services/relay/src/delete-topics.ts
          env:
            - name: CQRS_LOG_LEVEL
              value: info
            - name: CQRS_KAFKA_BROKERS
              value: cqrs-kafka.shop.svc:9092
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
