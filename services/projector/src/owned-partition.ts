import type { FetchedRecord, TopicPartition } from '@cqrs/runtime/kafka/port.ts';
import type { Lease } from './read-store-writer.ts';
import type { Halt } from './resume.ts';

/** One topic-partition that Kafka has given to this process, and how far the view has got with it. */
export type OwnedPartition = {
  readonly where: TopicPartition;
  /** `<topic>:<partition>`, its name in the read store and in the status. */
  readonly name: string;
  readonly gapless: boolean;
  readonly ownedSinceMs: number;
  /** Null until acquired, and again once the read store says that somebody else did. */
  lease: Lease | null;
  /** The offset that the next batch must have been fetched from; null until the lease says where to go on. */
  next: bigint | null;
  highWatermark: bigint;
  /** Where the partition ended when it was taken; null until then. The view is built once all have come this far. */
  buildEnd: bigint | null;
  /** When the oldest event that waits came into Kafka, or at the earliest; null when it is not known or none waits. */
  waitsSinceMs: number | null;
  /** The view shows what was committed up to then; null until the first event was applied or the end was seen. */
  freshAsOfMs: number | null;
  halt: Halt | null;
  /** How often in a row its batch was left for later. */
  postponed: number;
};

export function partitionName({ topic, partition }: TopicPartition): string {
  return `${topic}:${partition}`;
}

export function ownPartition(
  where: TopicPartition,
  gapless: boolean,
  nowMs: number,
): OwnedPartition {
  return {
    where,
    name: partitionName(where),
    gapless,
    ownedSinceMs: nowMs,
    lease: null,
    next: null,
    highWatermark: 0n,
    buildEnd: null,
    waitsSinceMs: null,
    freshAsOfMs: null,
    halt: null,
    postponed: 0,
  };
}

/** Whether everything is applied that was there when the partition was taken. */
export function isCaughtUp({ next, buildEnd, halt }: OwnedPartition): boolean {
  return halt === null && next !== null && buildEnd !== null && next >= buildEnd;
}

/** Notes where the partition ends; a view that has reached the end is fresh as of now. */
export function noteHighWatermark(partition: OwnedPartition, high: bigint, nowMs: number): void {
  if (high > partition.highWatermark) partition.highWatermark = high;
  if (partition.next !== null && partition.next >= partition.highWatermark) {
    partition.freshAsOfMs = nowMs;
    partition.waitsSinceMs = null;
  }
}

/** Notes that nothing before this record waits. */
export function noteWaiting(partition: OwnedPartition, first: FetchedRecord | undefined): void {
  if (first !== undefined) partition.waitsSinceMs = first.timestampMs;
}

/** Notes that everything before `next` is in the read store; `timeMs` is when the last of it was committed. */
export function noteApplied(
  partition: OwnedPartition,
  applied: {
    readonly lease: Lease;
    readonly next: bigint;
    readonly timeMs: number | null;
    readonly last: FetchedRecord | undefined;
  },
): void {
  const { lease, next, timeMs, last } = applied;
  partition.lease = lease;
  partition.next = next;
  partition.postponed = 0;
  // What follows is not older than this, until it is fetched and says so itself.
  noteWaiting(partition, last);
  if (timeMs !== null && timeMs > (partition.freshAsOfMs ?? -Infinity)) {
    partition.freshAsOfMs = timeMs;
  }
}
