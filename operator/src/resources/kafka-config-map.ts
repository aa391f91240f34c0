import type { ConfigMap } from './config-map.ts';
import { kafkaMeta, type KafkaUsers } from './kafka-users.ts';
import { kafkaBroker } from './names.ts';

/** The configuration files of the namespace's broker. */
export function kafkaConfigMap(users: KafkaUsers): ConfigMap {
  const metadata = kafkaMeta(users);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data: {
      'server.properties': serverProperties(kafkaBroker(metadata.namespace)),
      'log4j2.yaml': log4j2Yaml,
    },
  };
}

/** One process is broker and controller; the controller listens on loopback only. */
function serverProperties(advertised: string): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
listeners=CLIENTS://:9092,CONTROLLER://127.0.0.1:9093
advertised.listeners=CLIENTS://${advertised}
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
`;
}

// The broker's own file prints more than a thousand lines of configuration at each start.
const log4j2Yaml = `Configuration:
  status: WARN
  Appenders:
    Console:
      name: stdout
      PatternLayout: {pattern: '%d{ISO8601} %-5p %c{1} %m%n'}
  Loggers:
    Root:
      level: WARN
      AppenderRef: {ref: stdout}
`;
