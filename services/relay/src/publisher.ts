import { CqrsError } from '@cqrs/contract/errors.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import { Partitioners, type ICustomPartitioner, type Message } from 'kafkajs';
import type { EventRecord } from './event-record.ts';
import { connectKafka, type KafkaAddress } from './kafka-client.ts';

/** A Kafka client as the relay needs it: in order, acknowledged by all replicas in sync, never twice by itself. */
export type Publisher = AsyncDisposable & {
  /** Resolves when Kafka has acknowledged every record. One call at a time; after an error the publisher is spent. */
  readonly publish: (batch: readonly EventRecord[]) => Promise<void>;
};

const acknowledgeMsMax = 10_000;
/** Short outages stay inside one send, with the same sequence numbers; longer ones restart the stream. */
const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: 4 };
/** Kafka's Java client places keys the same way, so both kinds of producer agree on a key's partition. */
const javaPartitioner = Partitioners.DefaultPartitioner;

export async function openPublisher(address: KafkaAddress, logger: Logger): Promise<Publisher> {
  const asked = new Set<string>();
  const producer = connectKafka(address, logger, retry).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: recordingPartitioner(asked),
    retry,
  });
  try {
    await producer.connect();
  } catch (cause) {
    throw failed('Kafka is out of reach', cause);
  }
  return {
    publish: async (batch) => {
      asked.clear();
      const acknowledged = await producer
        .sendBatch({ acks: -1, timeout: acknowledgeMsMax, topicMessages: byTopic(batch) })
        .catch((cause: unknown) => {
          throw failed(`Kafka did not acknowledge ${batch.length} events`, cause);
        });
      // When a partition moves to a broker that has already answered, a retry of this client leaves it out.
      for (const { topicName, partition } of acknowledged)
        asked.delete(`${topicName}/${partition}`);
      if (asked.size > 0) throw failed(`Kafka left ${[...asked].join(', ')} unanswered`, undefined);
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

function byTopic(batch: readonly EventRecord[]): { topic: string; messages: Message[] }[] {
  const topics = new Map<string, Message[]>();
  for (const { topic, key, value, headers, timestampMs } of batch) {
    const messages = topics.get(topic) ?? [];
    messages.push({ key, value, headers, timestamp: String(timestampMs) });
    topics.set(topic, messages);
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}

function failed(what: string, cause: unknown): CqrsError {
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new CqrsError(
    'CQRS_PUBLISH_FAILED',
    `${what}${reason}. Nothing is lost: the relay starts again from what Kafka acknowledged.`,
    cause,
  );
}
