import { CqrsError } from '@cqrs/contract/errors.ts';
import { openRecordSource } from '@cqrs/runtime/kafka/platformatic/record-source.ts';
import type { KafkaAddress } from '@cqrs/runtime/kafka/port.ts';
import type { FoundTopic } from './topic-decision.ts';

/** What Kafka has of each topic by its name; those that do not exist are left out. */
export async function findTopics(
  address: KafkaAddress,
  topics: readonly string[],
): Promise<ReadonlyMap<string, FoundTopic>> {
  if (topics.length === 0) return new Map();
  const source = openRecordSource(address);
  try {
    const found = new Map<string, FoundTopic>();
    const existing = await source.existing(topics);
    const ids = await source.topicIds(existing);
    for (const topic of existing) {
      const partitions = await source.offsets(topic);
      const taken = partitions.reduce((sum, { high }) => sum + Number(high), 0);
      found.set(topic, { id: ids.get(topic), taken });
    }
    return found;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CqrsError(
      'CQRS_PUBLISH_FAILED',
      `The ids and ends of the topics at ${address.brokers.join(', ')} cannot be read: ${reason}.`,
      cause,
    );
  } finally {
    await source.close();
  }
}
