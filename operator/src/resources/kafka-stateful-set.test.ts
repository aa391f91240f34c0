import { describe, expect, test } from 'vitest';
import {
  exampleService,
  orderHistorySpec,
  ordersSpec,
  paymentsSpec,
  type WrittenSpec,
} from '../api/v1alpha1/example-services.ts';
import { exampleContext } from './example-context.ts';
import { ownYaml } from './own-yaml.ts';
import { sharedStore } from './example-parts.ts';
import { kafkaConfigMap } from './kafka-config-map.ts';
import { kafkaStatefulSet, observeKafka } from './kafka-stateful-set.ts';
import type { KafkaUsers } from './kafka-users.ts';

const { images } = exampleContext;
const orders = (change: WrittenSpec = {}) => exampleService('orders', { ...ordersSpec, ...change });
const payments = (change: WrittenSpec = {}) =>
  exampleService('payments', { ...paymentsSpec, ...change });
const reader = () => exampleService('order-history', orderHistorySpec);
const withKafka = (storage: string): WrittenSpec => ({ events: { kafka: { storage } } });
const gone = { deletionPolicy: 'Delete' };

const broker = (users: KafkaUsers, before?: ReturnType<typeof kafkaStatefulSet>) =>
  kafkaStatefulSet(users, { images, observed: before && observeKafka(before) });
const volumePolicy = (of: ReturnType<typeof kafkaStatefulSet>) =>
  of.spec.persistentVolumeClaimRetentionPolicy.whenDeleted;
const storage = (of: ReturnType<typeof kafkaStatefulSet>) =>
  of.spec.volumeClaimTemplates[0]?.spec.resources.requests.storage;

test('the StatefulSet of the broker', () => {
  const shared = sharedStore(orders(), 'postgres');
  expect(ownYaml(broker([orders()]), shared)).toMatchInlineSnapshot(`
    "metadata:
      name: cqrs-kafka
      labels:
        app.kubernetes.io/name: cqrs-kafka
        app.kubernetes.io/instance: cqrs-kafka
        app.kubernetes.io/component: kafka
      ownerReferences:
        - name: orders
          controller: (absent)
          blockOwnerDeletion: (absent)
      annotations:
        cqrs.dev/retained-services: orders
    spec:
      serviceName: cqrs-kafka
      selector:
        matchLabels:
          app.kubernetes.io/name: cqrs-kafka
          app.kubernetes.io/instance: cqrs-kafka
          app.kubernetes.io/component: kafka
      template:
        metadata:
          labels:
            app.kubernetes.io/name: cqrs-kafka
            app.kubernetes.io/instance: cqrs-kafka
            app.kubernetes.io/component: kafka
          annotations:
            cqrs.dev/config-checksum: 875c729be0f4bb6d
        spec:
          securityContext:
            runAsUser: 1000
            runAsGroup: 1000
            fsGroup: 1000
          containers:
            - name: kafka
              image: apache/kafka:4.1.1
              command:
                - sh
                - -ec
                - |
                  export CLASSPATH=$(echo /opt/kafka/libs/*.jar | tr ' ' ':')
                  java="java -XX:+UseSerialGC -Dlog4j2.configurationFile=/etc/kafka/log4j2.yaml"
                  if [ ! -s /var/lib/kafka/data/meta.properties ]; then
                    id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 1-22)
                    $java -Xmx128m -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format --ignore-formatted \\
                      --cluster-id "$id" --config /etc/kafka/server.properties
                  fi
                  exec $java $KAFKA_HEAP_OPTS -XX:+ExitOnOutOfMemoryError -XX:SharedArchiveFile=/opt/kafka/kafka.jsa \\
                    kafka.Kafka /etc/kafka/server.properties
              env:
                - name: KAFKA_HEAP_OPTS
                  value: -Xms128m -Xmx256m
              ports:
                - name: kafka
                  containerPort: 9092
              volumeMounts:
                - name: data
                  mountPath: /var/lib/kafka
                - name: config
                  mountPath: /etc/kafka
                  readOnly: true
                - name: tmp
                  mountPath: /tmp
              resources:
                requests:
                  cpu: 100m
                  memory: 320Mi
                limits:
                  memory: 640Mi
              startupProbe:
                tcpSocket:
                  port: kafka
                timeoutSeconds: 5
                periodSeconds: 1
                failureThreshold: 300
              readinessProbe:
                tcpSocket:
                  port: kafka
                timeoutSeconds: 5
                periodSeconds: 5
                failureThreshold: 2
              livenessProbe:
                tcpSocket:
                  port: kafka
                timeoutSeconds: 5
                periodSeconds: 10
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
                name: cqrs-kafka
            - name: tmp
              emptyDir:
                sizeLimit: 64Mi
      volumeClaimTemplates:
        - metadata:
            name: data
            labels:
              app.kubernetes.io/name: cqrs-kafka
              app.kubernetes.io/instance: cqrs-kafka
              app.kubernetes.io/component: kafka
          spec:
            accessModes:
              - ReadWriteOnce
            resources:
              requests:
                storage: 1Gi
    "
  `);
});

test('its configuration', () => {
  expect(kafkaConfigMap([orders()]).data['server.properties']).toMatchInlineSnapshot(`
    "process.roles=broker,controller
    node.id=1
    controller.quorum.voters=1@127.0.0.1:9093
    listeners=CLIENTS://:9092,CONTROLLER://127.0.0.1:9093
    advertised.listeners=CLIENTS://cqrs-kafka.shop.svc:9092
    listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT
    inter.broker.listener.name=CLIENTS
    controller.listener.names=CONTROLLER
    log.dirs=/var/lib/kafka/data
    auto.create.topics.enable=false
    default.replication.factor=1
    min.insync.replicas=1
    offsets.topic.replication.factor=1
    offsets.topic.num.partitions=10
    transaction.state.log.replication.factor=1
    transaction.state.log.min.isr=1
    transaction.state.log.num.partitions=10
    share.coordinator.state.topic.replication.factor=1
    share.coordinator.state.topic.min.isr=1
    group.initial.rebalance.delay.ms=0
    log.retention.ms=-1
    num.network.threads=2
    num.io.threads=4
    log.cleaner.dedupe.buffer.size=33554432
    "
  `);
});

test('all users own it, none controls it, and their order does not matter', () => {
  const one = broker([orders(), payments()]);
  expect(one.metadata.ownerReferences).toEqual([
    { apiVersion: 'cqrs.dev/v1alpha1', kind: 'CqrsService', name: 'orders', uid: 'uid-of-orders' },
    {
      apiVersion: 'cqrs.dev/v1alpha1',
      kind: 'CqrsService',
      name: 'payments',
      uid: 'uid-of-payments',
    },
  ]);
  expect(broker([payments(), orders()])).toEqual(one);
});

describe('the volume', () => {
  test('is as large as the largest wish', () => {
    expect(storage(broker([orders(withKafka('900Mi')), payments(withKafka('2Gi'))]))).toBe('2Gi');
  });

  test('keeps its size when somebody wishes for more later: claims of a StatefulSet are fixed', () => {
    const first = broker([orders(withKafka('2Gi'))]);
    expect(storage(broker([orders(), payments(withKafka('5Gi'))], first))).toBe('2Gi');
  });

  test.each<[string, KafkaUsers[], 'Retain' | 'Delete']>([
    ['one user that retains', [[orders()]], 'Retain'],
    ['one user that deletes', [[orders(gone)]], 'Delete'],
    ['a reader that retains, which left no topics', [[orders(gone), reader()]], 'Delete'],
    ['a user of each kind', [[orders(gone), payments()]], 'Retain'],
    [
      'the last user deletes, but an earlier one left topics',
      [[orders(gone), payments()], [orders(gone)]],
      'Retain',
    ],
    ['the one that retained changed its mind', [[orders()], [orders(gone)]], 'Delete'],
    [
      'the earlier one changed its mind before it went',
      [[orders(gone), payments()], [orders(gone), payments(gone)], [orders(gone)]],
      'Delete',
    ],
    [
      'one that left topics came back and deletes',
      [[orders(gone), payments()], [orders(gone)], [orders(gone), payments(gone)]],
      'Delete',
    ],
  ])('after %s', (_, passes, policy) => {
    const last = passes.reduce<ReturnType<typeof broker> | undefined>(
      (before, users) => broker(users, before),
      undefined,
    );
    expect(last && volumePolicy(last)).toBe(policy);
  });
});
