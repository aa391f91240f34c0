import type { OutgoingRecord, RecordPublisher } from '@cqrs/runtime/kafka/port.ts';
import {
  Partitioners,
  type ICustomPartitioner,
  type Kafka,
  type Message,
  type RetryOptions,
} from 'kafkajs';

const acknowledgeMsMax = 10_000;
const javaPartitioner = Partitioners.DefaultPartitioner;

export async function openPublisher(kafka: Kafka, retry: RetryOptions): Promise<RecordPublisher> {
  const asked = new Set<string>();
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: recordingPartitioner(asked),
    retry,
  });
  await producer.connect();
  let failure: unknown;
  const send = async (batch: readonly OutgoingRecord[]): Promise<void> => {
    asked.clear();
    const acknowledged = await producer.sendBatch({
      acks: -1,
      timeout: acknowledgeMsMax,
      topicMessages: byTopic(batch),
    });
    // When a partition moves to a broker that has already answered, a retry of this client leaves it out.
    for (const { topicName, partition } of acknowledged) asked.delete(`${topicName}/${partition}`);
    if (asked.size > 0) throw new TypeError(`Kafka left ${[...asked].join(', ')} unanswered.`);
  };
  return {
    publish: async (batch) => {
      if (failure !== undefined)
        throw new TypeError('This publisher is spent.', { cause: failure });
      try {
        await send(batch);
      } catch (error) {
        failure = error;
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => producer.disconnect(),
  };
}

function recordingPartitioner(asked: Set<string>): ICustomPartitioner {
  return () => {
    const partitionOf = javaPartitioner();
    return (args) => {
      const partition = partitionOf(args);
      asked.add(`${args.topic}/${partition}`);
      return partition;
    };
  };
}

function byTopic(batch: readonly OutgoingRecord[]): { topic: string; messages: Message[] }[] {
  const topics = Map.groupBy(batch, ({ topic }) => topic);
  return [...topics].map(([topic, records]) => ({
    topic,
    messages: records.map(({ key, value, headers, timestampMs }) => ({
      key,
      value,
      headers,
      timestamp: String(timestampMs),
    })),
  }));
}
