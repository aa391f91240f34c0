import type { FetchedBatch } from '@cqrs/runtime/kafka/port.ts';
import type { Tracing } from '@cqrs/runtime/telemetry/tracing.ts';
import { applyBatch, type BatchOutcome } from './apply-batch.ts';
import { withApplySpan } from './apply-span.ts';
import type { DeadLetterTopic } from './dead-letter-topic.ts';
import { countApplied, type ProjectorMetrics } from './metrics.ts';
import {
  isCaughtUp,
  noteApplied,
  noteHighWatermark,
  noteWaiting,
  type OwnedPartition,
} from './owned-partition.ts';
import type { PartitionSet } from './partition-set.ts';
import type { Projection } from './projection.ts';
import type { ReadStoreWriter } from './read-store-writer.ts';
import type { Troubles } from './troubles.ts';

/** What batches of one view are applied with. */
export type BatchParts = {
  readonly projection: Projection;
  readonly writer: ReadStoreWriter;
  readonly deadLetters: DeadLetterTopic;
  readonly metrics: ProjectorMetrics;
  readonly tracing: Tracing | undefined;
  readonly partitions: PartitionSet;
  readonly troubles: Troubles;
};

/** Applies a batch; or leaves it, and seeks to where the partition really goes on, or halts the partition. */
export async function projectBatch(
  parts: BatchParts,
  partition: OwnedPartition,
  batch: FetchedBatch,
): Promise<void> {
  const { lease, next, name } = partition;
  const { partitions, metrics, projection } = parts;
  if (lease === null || next !== batch.fetchedOffset) return partitions.take([partition]);
  noteWaiting(partition, batch.records[0]);
  const observeDuration = metrics.batchSeconds.startTimer({ view: projection.view.name });
  const outcome = await withApplySpan(parts.tracing, { view: projection.view.name, batch }, () =>
    applyBatch({ ...parts, name, lease }, batch),
  );
  switch (outcome.kind) {
    case 'lost':
      return partitions.take([partition]);
    case 'halted': {
      const refused = batch.records.find(({ offset }) => offset === outcome.offset);
      // Everything before it is applied.
      if (refused !== undefined) partition.next = BigInt(refused.offset);
      noteWaiting(partition, refused);
      return partitions.halt(partition, outcome.halt);
    }
    case 'applied':
      observeDuration();
      return noteOutcome(parts, partition, { batch, outcome });
  }
}

async function noteOutcome(
  { projection, metrics, partitions, troubles }: BatchParts,
  partition: OwnedPartition,
  applied: {
    readonly batch: FetchedBatch;
    readonly outcome: Extract<BatchOutcome, { kind: 'applied' }>;
  },
): Promise<void> {
  const { batch, outcome } = applied;
  const nowMs = Date.now();
  const wasCaughtUp = isCaughtUp(partition);
  noteApplied(partition, { ...outcome, next: batch.nextOffset, last: batch.records.at(-1) });
  noteHighWatermark(partition, batch.highWatermark, nowMs);
  batch.resolve();
  countApplied(metrics, projection.view.name, { ...outcome, nowMs });
  for (const halted of outcome.newlyHalted) troubles.keyHalted(partition.name, halted);
  if (!wasCaughtUp && isCaughtUp(partition)) await partitions.noteCaughtUp(partition);
}
