import type { RecordSource, PartitionOffsets, TopicIds } from '@cqrs/runtime/kafka/port.ts';
import type { OwnedPartition } from './owned-partition.ts';
import type { Lease, ReadStoreWriter } from './read-store-writer.ts';
import { resume, type Resumption } from './resume.ts';

export type TakenPartition = {
  readonly partition: OwnedPartition;
  readonly lease: Lease;
  readonly resumption: Resumption;
  /** Where the topic ended when asked. */
  readonly high: bigint;
};

/**
 * Acquires the leases of partitions and decides where each goes on. The topics' ends are asked for after the
 * positions: an end from before could lie short of a position that is quite right. A partition that its topic does not
 * have (any more) is left out.
 */
export async function takePartitions(
  stores: { readonly kafka: RecordSource; readonly writer: ReadStoreWriter },
  partitions: readonly OwnedPartition[],
  topicIds: TopicIds,
): Promise<readonly TakenPartition[]> {
  const { kafka, writer } = stores;
  const leases = await Promise.all(
    partitions.map(({ where }) => writer.acquire(where, topicIds.get(where.topic))),
  );
  const offsets = await offsetsByTopic(kafka, partitions);
  return partitions.flatMap((partition, place) => {
    const { where, name: topicPartition, gapless } = partition;
    const held = offsets.get(where.topic)?.find((each) => each.partition === where.partition);
    const lease = leases[place];
    if (held === undefined || lease === undefined) return [];
    const { low, high } = held;
    const position = lease.offset === '' ? null : BigInt(lease.offset);
    const resumption = resume({ topicPartition, position, low, high, gapless });
    return [{ partition, lease, resumption, high }];
  });
}

async function offsetsByTopic(
  kafka: RecordSource,
  partitions: readonly OwnedPartition[],
): Promise<ReadonlyMap<string, readonly PartitionOffsets[]>> {
  const topics = [...new Set(partitions.map(({ where }) => where.topic))];
  const offsets = await Promise.all(topics.map((topic) => kafka.offsets(topic)));
  return new Map(topics.map((topic, place) => [topic, offsets[place] ?? []]));
}
