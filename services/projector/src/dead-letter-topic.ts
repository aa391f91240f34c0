import { deadLetterHeaderNames } from '@cqrs/contract/envelope.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { openPublisher } from '@cqrs/runtime/kafka/platformatic/record-publisher.ts';
import { openTopicAdmin } from '@cqrs/runtime/kafka/platformatic/topic-admin.ts';
import type {
  FetchedRecord,
  KafkaAddress,
  OutgoingRecord,
  RecordPublisher,
} from '@cqrs/runtime/kafka/port.ts';

/** Twice what the relay lets a record have, because a copy says more than its original. */
const recordBytesMax = 10_485_760;

/** One record that could not be applied, and why. */
export type DeadLetter = {
  readonly record: FetchedRecord;
  readonly topicPartition: string;
  readonly error: string;
};

/** Where a view puts what it could not apply; it comes there at least once. */
export type DeadLetterTopic = {
  /** Resolves once all replicas in sync have the copies. Throws CQRS_DEAD_LETTER_FAILED; some may have arrived then. */
  readonly send: (letters: readonly DeadLetter[]) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Connects at the first letter only: most views never write one. */
export function createDeadLetterTopic(of: {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly view: string;
}): DeadLetterTopic {
  const { topic, view } = of;
  const address = { brokers: of.brokers, clientId: 'cqrs-projector-dead-letters' };
  let publisher: RecordPublisher | undefined;
  let sending: Promise<void> = Promise.resolve();
  let unfinished = 0;
  /** Why the last letters did not get through; undefined when they did. */
  let failure: CqrsError | undefined;
  const close = async (): Promise<void> => {
    const old = publisher;
    publisher = undefined;
    await old?.[Symbol.asyncDispose]();
  };
  const publish = async (letters: readonly DeadLetter[]): Promise<void> => {
    try {
      publisher ??= await open(address, topic);
      await publisher.publish(letters.map((letter) => copyOf(letter, { topic, view })));
      failure = undefined;
    } catch (cause) {
      // A publisher that failed is spent; the next one makes sure of the topic again.
      await close();
      const reason = cause instanceof Error ? cause.message : String(cause);
      failure = new CqrsError(
        'CQRS_DEAD_LETTER_FAILED',
        `Kafka does not take the dead letters of view ${view} in ${topic} (${reason}); their partition waits and tries again by itself, see whether the brokers run and let the projector write there.`,
        cause,
      );
      throw failure;
    } finally {
      unfinished -= 1;
    }
  };
  return {
    // A publisher takes one call at a time, and partitions send when they must.
    send: async (letters) => {
      // While nothing gets through, one partition finds out for all; the others do not wait for it.
      if (failure !== undefined && unfinished > 0) throw failure;
      unfinished += 1;
      const sent = sending.then(() => publish(letters));
      sending = sent.catch(() => undefined);
      return sent;
    },
    close,
  };
}

/** A copy with the original's headers, and beside them where it was and what was wrong. */
function copyOf(
  { record, topicPartition, error }: DeadLetter,
  { topic, view }: { readonly topic: string; readonly view: string },
): OutgoingRecord {
  return {
    topic,
    key: record.key,
    value: record.value,
    timestampMs: record.timestampMs,
    headers: {
      ...record.headers(),
      [deadLetterHeaderNames.view]: view,
      [deadLetterHeaderNames.topicPartition]: topicPartition,
      [deadLetterHeaderNames.offset]: record.offset,
      [deadLetterHeaderNames.error]: error,
    },
  };
}

/** One partition, because people read letters, in one order; none is ever dropped by itself. */
async function open(address: KafkaAddress, topic: string): Promise<RecordPublisher> {
  await using admin = openTopicAdmin(address);
  if ((await admin.existing([topic])).length === 0) {
    const settings = {
      'cleanup.policy': 'delete',
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'max.message.bytes': String(recordBytesMax),
    };
    await admin.create([{ topic, partitions: 1, settings }]);
  }
  return await openPublisher(address);
}
