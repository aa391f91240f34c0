/** Publishes events to a real Kafka as the relay does. */
import { eventType, headerNames } from '@cqrs/contract/envelope.ts';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import type { ModelEvent } from '../support/view-model.ts';

export type EventPublisher = {
  readonly createTopic: (topic: string, partitions: number) => Promise<void>;
  readonly publish: (topic: string, events: readonly ModelEvent[]) => Promise<void>;
  /** Publishes a record that no relay of ours would. */
  readonly publishRaw: (
    topic: string,
    record: {
      readonly key: string | null;
      readonly value: string;
      readonly version?: number;
    },
  ) => Promise<void>;
  readonly stop: () => Promise<void>;
};

export async function startPublisher(brokers: readonly string[]): Promise<EventPublisher> {
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'test', logLevel: logLevel.NOTHING });
  const producer: Producer = kafka.producer({ allowAutoTopicCreation: false });
  const admin = kafka.admin();
  await Promise.all([producer.connect(), admin.connect()]);
  let lsn = 1_000;
  return {
    createTopic: async (topic, partitions) => {
      await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] });
    },
    publish: async (topic, events) => {
      const messages = events.map(({ id, version, state }) => ({
        key: id,
        value: JSON.stringify({ data: null, state }),
        headers: {
          [headerNames.type]: eventType(
            topic.split('.').at(-1) ?? '',
            state === null ? 'deleted' : 'updated',
          ),
          [headerNames.sequence]: String(version),
          [headerNames.lsn]: String((lsn += 8)),
          [headerNames.index]: '0',
          [headerNames.time]: new Date().toISOString(),
        },
      }));
      await producer.send({ topic, messages, acks: -1 });
    },
    publishRaw: async (topic, { key, value, version }) => {
      const headers = version === undefined ? {} : { [headerNames.sequence]: String(version) };
      await producer.send({ topic, messages: [{ key, value, headers }], acks: -1 });
    },
    stop: async () => {
      await Promise.all([producer.disconnect(), admin.disconnect()]);
    },
  };
}
