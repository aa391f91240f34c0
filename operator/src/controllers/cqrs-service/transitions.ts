import {
  findCondition,
  type Condition,
  type ConditionType,
  type Reason,
} from '../../api/v1alpha1/conditions.ts';
import { notObserved } from '../../api/v1alpha1/bounds.ts';
import type { CqrsServiceStatus } from '../../api/v1alpha1/schema.ts';
import type { EventNote } from '../../kube/events.ts';
import { stages } from './stage-check.ts';

/** Reasons under which a stage is on its way, does as it was told, or (the HPA) speaks for itself. */
const calmReasons: readonly Reason[] = [
  'Starting',
  'Progressing',
  'CatchingUp',
  'SlotBusy',
  'MigrationPending',
  'Suspended',
  'Deleting',
  'MetricsUnavailable',
  'MetricsApiAbsent',
];

/** Reasons that a new service goes through while its parts find each other; told only when something was lost. */
const firstReasons: readonly Reason[] = [
  'VolumePending',
  'PostgresNotReady',
  'KafkaNotReady',
  'RedisNotReady',
  'CommandFailing',
  'QueryFailing',
  'RelayNotStreaming',
  'PublishFailed',
  'ProjectionFailing',
  'TopicMissing',
  'EventSourceFailing',
  'ReadStoreFailing',
];

/** The Events that one pass is worth: each change between two statuses is told once. */
export function eventsBetween(
  before: CqrsServiceStatus | undefined,
  after: CqrsServiceStatus,
): readonly EventNote[] {
  return [
    ...(isMade(after) && !isMade(before) ? [created] : []),
    ...becameReady(before, after),
    ...scaled(before, after),
    ...burst(before, after),
    ...failed(before, after),
  ];
}

// The first pass of a service whose schema is invalid makes nothing, and its stages say so.
function isMade(status: CqrsServiceStatus | undefined): boolean {
  if ((status?.observedGeneration ?? notObserved) < 0) return false;
  return conditionOf(status, 'CommandReady')?.reason !== 'SchemaInvalid';
}

const created: EventNote = {
  type: 'Normal',
  reason: 'Created',
  action: 'Create',
  note: 'Created the stores and services.',
};

function becameReady(
  before: CqrsServiceStatus | undefined,
  after: CqrsServiceStatus,
): readonly EventNote[] {
  const isReady = conditionOf(after, 'Ready')?.status === 'True';
  if (!isReady || conditionOf(before, 'Ready')?.status === 'True') return [];
  return [{ type: 'Normal', reason: 'Ready', action: 'Reconcile', note: 'Every part answers.' }];
}

function scaled(
  before: CqrsServiceStatus | undefined,
  after: CqrsServiceStatus,
): readonly EventNote[] {
  const from = before?.query?.desiredReplicas ?? 0;
  const to = after.query?.desiredReplicas ?? 0;
  // From and to nothing are the service's own coming and going.
  if (from === to || from === 0 || to === 0) return [];
  const reads = after.query?.readsPerSecond ?? 0;
  const note = `Query pods went from ${from} to ${to} at ${reads} reads per second.`;
  return [{ type: 'Normal', reason: 'Scaled', action: 'Scale', note }];
}

function burst(
  before: CqrsServiceStatus | undefined,
  after: CqrsServiceStatus,
): readonly EventNote[] {
  const from = before?.query?.burst?.replicas ?? 0;
  const { replicas: to = 0, readsPerSecond = 0 } = after.query?.burst ?? {};
  const scaling = { type: 'Normal', action: 'Scale' } as const;
  const kept = `the autoscaler keeps at least ${to} query pods.`;
  if (to > from) {
    const note = `Reads burst to ${readsPerSecond} per second: ${kept}`;
    return [{ ...scaling, reason: 'BurstStarted', note }];
  }
  if (to === from) return [];
  if (to > 0) return [{ ...scaling, reason: 'BurstFades', note: `The burst fades: ${kept}` }];
  const note = 'The burst is over: the autoscaler alone decides how many query pods there are.';
  return [{ ...scaling, reason: 'BurstEnded', note }];
}

function failed(
  before: CqrsServiceStatus | undefined,
  after: CqrsServiceStatus,
): readonly EventNote[] {
  const alarms = alarmsOf(after).filter(({ type, reason }) => {
    const last = conditionOf(before, type);
    const wasLost = last?.status === (type === 'Stalled' ? 'False' : 'True');
    return last?.reason !== reason && (wasLost || !firstReasons.includes(reason));
  });
  // A stage that stalls the whole service would otherwise tell the same thing twice.
  const told = alarms.filter(
    ({ reason }, position) => alarms.findIndex((alarm) => alarm.reason === reason) === position,
  );
  return told.map(({ reason, message }) => ({
    type: 'Warning',
    reason,
    action: 'Reconcile',
    note: message,
  }));
}

function alarmsOf(status: CqrsServiceStatus): readonly Condition[] {
  // Without its stores no stage works, and what each of them says about that would drown the cause.
  const hasStores = conditionOf(status, 'StoresReady')?.status === 'True';
  const speaking = hasStores ? stages : (['StoresReady'] as const);
  return (['Stalled', ...speaking] as const).flatMap((type) => {
    const found = conditionOf(status, type);
    const isBad = found?.status === (type === 'Stalled' ? 'True' : 'False');
    return found !== undefined && isBad && !calmReasons.includes(found.reason) ? [found] : [];
  });
}

function conditionOf(
  status: CqrsServiceStatus | undefined,
  type: ConditionType,
): Condition | undefined {
  return findCondition(status?.conditions ?? [], type);
}
