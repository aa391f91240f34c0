import { CqrsError } from '@cqrs/contract/errors.ts';
import { openRecordSource } from '@cqrs/runtime/kafka/platformatic/record-source.ts';
import type { KafkaAddress } from '@cqrs/runtime/kafka/port.ts';

/** How many records each topic has ever taken, as the sum of its end offsets; those that do not exist are left out. */
export async function readTopicsTaken(
  address: KafkaAddress,
  topics: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (topics.length === 0) return new Map();
  const source = openRecordSource(address);
  try {
    const taken = new Map<string, number>();
    for (const topic of await source.existing(topics)) {
      const partitions = await source.offsets(topic);
      taken.set(
        topic,
        partitions.reduce((sum, { high }) => sum + Number(high), 0),
      );
    }
    return taken;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CqrsError(
      'CQRS_PUBLISH_FAILED',
      `The ends of the topics at ${address.brokers.join(', ')} cannot be read: ${reason}.`,
      cause,
    );
  } finally {
    await source.close();
  }
}
