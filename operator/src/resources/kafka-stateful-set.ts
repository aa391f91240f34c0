import { hasCommand } from '../api/v1alpha1/service-kinds.ts';
import type { KubeObject } from '../kube/object.ts';
import { checksum } from './checksum.ts';
import { quantityBytes } from './compute-resources.ts';
import type { Images } from './context.ts';
import { kafkaConfigMap } from './kafka-config-map.ts';
import { kafkaMeta, type KafkaUsers } from './kafka-users.ts';
import { kafkaLabels, kafkaSelector } from './labels.ts';
import { storePorts } from './names.ts';
import { podTemplate, tmpMount, tmpVolume, type ContainerInput } from './pod-template.ts';
import { dataVolumeName, statefulSet, type StatefulSet } from './stateful-set.ts';

/** What an earlier pass left on the broker and this one must keep. */
export type KafkaObserved = {
  /** The size in the claim template, which Kubernetes lets nobody change. */
  readonly storage: string | undefined;
  /** Services with deletionPolicy Retain that have, or once had, topics on the volume. */
  readonly retainedServices: readonly string[];
};

/** Names the services whose topics must survive them, so that the last one to go does not take the volume along. */
const retainedServicesAnnotation = 'cqrs.dev/retained-services';

/** The user `appuser` of the official image. */
const userId = 1000;

/** Reads back what `kafkaStatefulSet` must keep from the live object. */
export function observeKafka(live: KubeObject): KafkaObserved {
  const { spec } = live as Partial<Pick<StatefulSet, 'spec'>>;
  const names = live.metadata.annotations?.[retainedServicesAnnotation] ?? '';
  return {
    storage: spec?.volumeClaimTemplates[0]?.spec.resources.requests.storage,
    retainedServices: names.split(',').filter((name) => name !== ''),
  };
}

/**
 * The broker of a namespace. `observed` is undefined while there is none. Its volume is as large as the largest
 * wish among the first users, and is deleted only when no user that ever had Retain left topics on it.
 */
export function kafkaStatefulSet(
  users: KafkaUsers,
  context: { readonly images: Images; readonly observed: KafkaObserved | undefined },
): StatefulSet {
  const config = kafkaConfigMap(users);
  const retained = retainedServices(users, context.observed);
  const metadata = kafkaMeta(users);
  return statefulSet({
    metadata: { ...metadata, annotations: { [retainedServicesAnnotation]: retained.join(',') } },
    selector: kafkaSelector,
    storage: context.observed?.storage ?? largestStorage(users),
    whenDeleted: retained.length === 0 ? 'Delete' : 'Retain',
    template: podTemplate({
      labels: kafkaLabels,
      configChecksum: checksum(config.data),
      userId,
      images: context.images,
      container: broker(context.images.kafka),
      volumes: [{ name: 'config', configMap: { name: config.metadata.name } }, tmpVolume],
    }),
  });
}

/** Present users that write say it themselves; of those that are gone, what was written down counts. */
function retainedServices(users: KafkaUsers, observed: KafkaObserved | undefined): string[] {
  const present = new Set(users.map(({ metadata }) => metadata.name));
  const gone = (observed?.retainedServices ?? []).filter((name) => !present.has(name));
  const staying = users
    .filter((user) => hasCommand(user) && user.spec.deletionPolicy === 'Retain')
    .map(({ metadata }) => metadata.name);
  return [...gone, ...staying].toSorted();
}

function largestStorage(users: KafkaUsers): string {
  return users
    .map(({ spec }) => spec.events.kafka.storage)
    .reduce((largest, next) => (isLarger(next, largest) ? next : largest));
}

function isLarger(storage: string, other: string): boolean {
  return (quantityBytes(storage) ?? 0) > (quantityBytes(other) ?? 0);
}

function broker(image: string): ContainerInput {
  const listens = { tcpSocket: { port: 'kafka' }, timeoutSeconds: 5 } as const;
  return {
    name: 'kafka',
    image,
    command: ['sh', '-ec', startScript],
    env: [{ name: 'KAFKA_HEAP_OPTS', value: '-Xms128m -Xmx256m' }],
    ports: [{ name: 'kafka', containerPort: storePorts.kafka }],
    volumeMounts: [
      { name: dataVolumeName, mountPath: '/var/lib/kafka' },
      { name: 'config', mountPath: '/etc/kafka', readOnly: true },
      tmpMount,
    ],
    resources: { requests: { cpu: '100m', memory: '320Mi' }, limits: { memory: '640Mi' } },
    // Logs that were not closed are checked at start, which takes longer the more there are.
    startupProbe: { ...listens, periodSeconds: 1, failureThreshold: 300 },
    readinessProbe: { ...listens, periodSeconds: 5, failureThreshold: 2 },
    livenessProbe: { ...listens, periodSeconds: 10, failureThreshold: 6 },
  };
}

/**
 * Formats a fresh volume, then becomes the broker. The cluster's id is drawn there, at random, and lives on the
 * volume only: another volume is another cluster, and clients can tell. The formatter writes meta.properties
 * last, so a format that was killed is done again. The class path is a sorted list, because the archive of loaded
 * classes fits only the very list it was made with, and a wildcard would expand in the order of the folder.
 */
const startScript = `export CLASSPATH=$(echo /opt/kafka/libs/*.jar | tr ' ' ':')
java="java -XX:+UseSerialGC -Dlog4j2.configurationFile=/etc/kafka/log4j2.yaml"
if [ ! -s /var/lib/kafka/data/meta.properties ]; then
  id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 1-22)
  $java -Xmx128m -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format --ignore-formatted \\
    --cluster-id "$id" --config /etc/kafka/server.properties
fi
exec $java $KAFKA_HEAP_OPTS -XX:+ExitOnOutOfMemoryError -XX:SharedArchiveFile=/opt/kafka/kafka.jsa \\
  kafka.Kafka /etc/kafka/server.properties
`;
