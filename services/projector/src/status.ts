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

function lagEvents({ highWatermark, next }: OwnedPartition): number {
  return next === null || highWatermark < next ? 0 : Number(highWatermark - next);
}

/**
 * The age of the oldest event that waits, 0 when none does. As long as that event was not fetched its age is not known;
 * then it is at most the time since the view was last known to be up to date.
 */
function lagSeconds(partition: OwnedPartition, nowMs: number): number {
  if (lagEvents(partition) === 0) return 0;
  const { waitsSinceMs, freshAsOfMs, ownedSinceMs } = partition;
  return Math.max(0, nowMs - (waitsSinceMs ?? freshAsOfMs ?? ownedSinceMs)) / msPerSecond;
}

function partitionLag(partition: OwnedPartition, nowMs: number): PartitionLag {
  return {
    topicPartition: partition.name,
    lagEvents: lagEvents(partition),
    lagSeconds: lagSeconds(partition, nowMs),
  };
}

export function viewStatus({ view, partitions }: ViewProgress, nowMs: number): ViewStatus {
  const lags = partitions.map((partition) => partitionLag(partition, nowMs));
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
    views: views
      .filter(({ partitions }) => partitions.length > 0)
      .map((progress) => viewStatus(progress, nowMs)),
  };
}
