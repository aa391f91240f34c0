import type { ProjectorStatus, ViewStatus } from '@cqrs/contract/ops-status.ts';
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

function lagEvents({ highWatermark, next }: OwnedPartition): number {
  return next === null || highWatermark < next ? 0 : Number(highWatermark - next);
}

/** How long ago the view was last known to show everything committed, while events wait; 0 when none does. */
function lagSeconds(partition: OwnedPartition, nowMs: number): number {
  if (lagEvents(partition) === 0) return 0;
  const freshAsOfMs = partition.freshAsOfMs ?? partition.ownedSinceMs;
  return Math.max(0, nowMs - freshAsOfMs) / msPerSecond;
}

export function viewStatus({ view, partitions }: ViewProgress, nowMs: number): ViewStatus {
  return {
    view,
    lagEvents: partitions.reduce((sum, partition) => sum + lagEvents(partition), 0),
    lagSeconds: Math.max(0, ...partitions.map((partition) => lagSeconds(partition, nowMs))),
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
