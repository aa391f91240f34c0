import type {
  KafkaAddress,
  RecordPublisher,
  RecordSource,
  TopicAdmin,
} from '@cqrs/runtime/kafka/port.ts';

/** A Kafka client as the conformance suite and the benches see it: the three parts of the port. */
export type KafkaClient = {
  readonly openPublisher: (address: KafkaAddress) => Promise<RecordPublisher>;
  readonly openRecordSource: (address: KafkaAddress) => RecordSource;
  readonly openTopicAdmin: (address: KafkaAddress) => TopicAdmin;
};
