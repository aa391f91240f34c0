import type { PartitionLag, ProjectorStatus, ViewStatus } from '@cqrs/contract/ops-status.ts';
import type { OwnedPartition } from './owned-partition.ts';
import type { Halt } from './resume.ts';

/** What one view's projector knows of itself. */
export type ViewProgress = {
  readonly view: string;
  readonly partitions: readonly Readonly<OwnedPartition>[];
  /** What stands in the way of the whole view now, the gravest first. */
  readonly troubles: readonly Halt[];
};

const msPerSecond = 1_000;

/** How many halted keys are told; the store may hold more. */
const haltedKeysToldMax = 100;

/** Undefined until the partition is taken: where the view stands in it is not known before. */
function lagEvents({ highWatermark, next }: OwnedPartition): number | undefined {
  if (next === null) return undefined;
  return highWatermark < next ? 0 : Number(highWatermark - next);
}

/**
 * The age of the oldest event that waits. As long as that event was not fetched its age is not known;
 * then it is at most the time since the view was last known to be up to date.
 */
function lagSeconds(partition: OwnedPartition, nowMs: number): number {
  const { waitsSinceMs, freshAsOfMs, ownedSinceMs } = partition;
  return Math.max(0, nowMs - (waitsSinceMs ?? freshAsOfMs ?? ownedSinceMs)) / msPerSecond;
}

function partitionLag(partition: OwnedPartition, nowMs: number): PartitionLag | undefined {
  const events = lagEvents(partition);
  if (events === undefined) return undefined;
  const seconds = events === 0 ? 0 : lagSeconds(partition, nowMs);
  return { topicPartition: partition.name, lagEvents: events, lagSeconds: seconds };
}

/** Undefined while nothing is owned, and until all that is owned was taken: nobody is told a lag that leaves some out. */
export function viewStatus(
  { view, partitions }: ViewProgress,
  nowMs: number,
): ViewStatus | undefined {
  const lags = partitions.flatMap((partition) => partitionLag(partition, nowMs) ?? []);
  if (lags.length === 0 || lags.length < partitions.length) return undefined;
  const haltedKeys = partitions.flatMap(({ name, lease }) =>
    [...(lease?.haltedKeys.values() ?? [])].map((halted) => ({ topicPartition: name, ...halted })),
  );
  return {
    view,
    lagEvents: lags.reduce((sum, lag) => sum + lag.lagEvents, 0),
    lagSeconds: Math.max(0, ...lags.map((lag) => lag.lagSeconds)),
    partitions: lags,
    haltedKeys: haltedKeys.slice(0, haltedKeysToldMax),
    haltedKeyCount: haltedKeys.length,
    halted: partitions.flatMap(({ name, halt }) =>
      halt === null ? [] : [{ topicPartition: name, error: `${halt.code}: ${halt.message}` }],
    ),
  };
}

export function projectorStatus(views: readonly ViewProgress[], nowMs: number): ProjectorStatus {
  const trouble = views.flatMap(({ troubles }) => troubles)[0];
  return {
    program: 'projector',
    error: trouble?.message ?? null,
    errorCode: trouble?.code ?? null,
    views: views.flatMap((progress) => viewStatus(progress, nowMs) ?? []),
  };
}
