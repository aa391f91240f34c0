import type { PartitionLag, ServiceStatus, ViewStatus } from '@cqrs/contract/ops-status.ts';
import { behindPartitionsMax } from '../../api/v1alpha1/bounds.ts';

export type Lag = { readonly lagEvents: number; readonly lagSeconds: number };

export type ViewReading = Lag & {
  readonly view: string;
  /** Of its events that are yet to be applied, those of partitions that are not halted. */
  readonly movingEvents: number;
  /** What each halted partition says, partition first. */
  readonly halted: readonly string[];
  /** Keys that stand still. */
  readonly haltedKeys: number;
  /** Which of them is first, where, and why, without a full stop; null when there is none. */
  readonly firstHaltedKey: string | null;
  /** While the view is not caught up: the partitions that are furthest behind. */
  readonly behind: readonly PartitionLag[];
};

/** What a pod last said of itself, cut down to what a status shows of it. */
export type Answer = {
  readonly outcome: 'answered';
  readonly error: string | null;
  readonly errorCode: string | null;
  /** Of a relay only. */
  readonly streaming: boolean;
  /** Of a projector only. */
  readonly views: readonly ViewReading[];
};

/** What a pod last said, or why it could not be asked. */
export type StageReading = Answer | { readonly outcome: 'unreachable'; readonly message: string };

// Events that are on their way are no lag: without this, each write would change the status of a healthy service.
const inFlight = { secondsMax: 1, eventsMax: 1000 };

/** A view is caught up when it shows what was written this long ago. */
const caughtUpSecondsMax = 10;

/** Cuts a pod's own status down; numbers are rounded so that a steady load reads the same each time. */
export function readingFrom(status: ServiceStatus): StageReading {
  return {
    outcome: 'answered',
    error: status.error,
    errorCode: 'errorCode' in status ? status.errorCode : null,
    streaming: status.program === 'relay' && status.streaming,
    views: status.program === 'projector' ? status.views.map(viewReading) : [],
  };
}

/** What a reading says apart from its numbers, which move all the time while a view catches up. */
export function factsOf(reading: StageReading): object {
  if (reading.outcome === 'unreachable') return reading;
  const views = reading.views.map((view) => ({
    view: view.view,
    caughtUp: isCaughtUp(view),
    halted: view.halted,
    haltedKeys: view.haltedKeys,
    firstHaltedKey: view.firstHaltedKey,
  }));
  return { ...reading, views };
}

/** Whether people would rather not wait for the next reading. */
export function isMoving(reading: StageReading): boolean {
  if (reading.outcome === 'unreachable') return true;
  return reading.error !== null || reading.views.some((view) => !isCaughtUp(view));
}

/** Whether a view shows everything but what was written in the last seconds. */
export function isCaughtUp(view: ViewReading): boolean {
  return view.lagSeconds <= caughtUpSecondsMax && view.halted.length === 0 && view.haltedKeys === 0;
}

/** Each view once: what several pods say of it, put together. */
export function mergedViews(views: readonly ViewReading[]): readonly ViewReading[] {
  const merged = new Map<string, ViewReading>();
  for (const view of views) {
    const other = merged.get(view.view);
    merged.set(view.view, other === undefined ? view : merge(other, view));
  }
  return [...merged.values()];
}

function merge(one: ViewReading, other: ViewReading): ViewReading {
  return {
    view: one.view,
    lagEvents: one.lagEvents + other.lagEvents,
    movingEvents: one.movingEvents + other.movingEvents,
    lagSeconds: Math.max(one.lagSeconds, other.lagSeconds),
    halted: [...one.halted, ...other.halted],
    haltedKeys: one.haltedKeys + other.haltedKeys,
    firstHaltedKey: one.firstHaltedKey ?? other.firstHaltedKey,
    behind: furthestBehind([...one.behind, ...other.behind]),
  };
}

/** The lag of the view that is furthest behind; undefined without views. */
export function worstLag(views: readonly ViewReading[]): Lag | undefined {
  const [worst] = views.toSorted(
    (one, other) => other.lagSeconds - one.lagSeconds || other.lagEvents - one.lagEvents,
  );
  return worst && { lagEvents: worst.lagEvents, lagSeconds: worst.lagSeconds };
}

/** For a column: `0`, or events and seconds as in `120 / 14s`. */
export function lagText({ lagEvents, lagSeconds }: Lag): string {
  return lagEvents === 0 ? '0' : `${lagEvents} / ${lagSeconds}s`;
}

function viewReading(status: ViewStatus): ViewReading {
  const { view, halted, haltedKeys, haltedKeyCount, partitions } = status;
  const [first] = haltedKeys;
  const lag = roundedLag(status);
  const isHalted = ({ topicPartition }: PartitionLag): boolean =>
    halted.some((other) => other.topicPartition === topicPartition);
  const moving = partitions.filter((partition) => !isHalted(partition));
  const movingEvents = moving.reduce((sum, { lagEvents }) => sum + lagEvents, 0);
  return {
    view,
    ...lag,
    movingEvents: lag.lagEvents === 0 ? 0 : twoDigits(movingEvents),
    halted: halted.map(({ topicPartition, error }) => `${topicPartition}: ${error}`),
    haltedKeys: haltedKeyCount,
    firstHaltedKey: first === undefined ? null : describeKey(first),
    behind: lag.lagSeconds > caughtUpSecondsMax ? furthestBehind(partitions) : [],
  };
}

function describeKey(of: ViewStatus['haltedKeys'][number]): string {
  return `${of.key} at offset ${of.offset} of ${of.topicPartition}: ${of.error}`;
}

/** In a fixed order, so that partitions which take turns in being last change nothing but their numbers. */
function furthestBehind(partitions: readonly PartitionLag[]): readonly PartitionLag[] {
  return partitions
    .map((partition) => ({ topicPartition: partition.topicPartition, ...roundedLag(partition) }))
    .filter(({ lagEvents }) => lagEvents > 0)
    .toSorted((one, other) => other.lagSeconds - one.lagSeconds || other.lagEvents - one.lagEvents)
    .slice(0, behindPartitionsMax)
    .toSorted((one, other) => (one.topicPartition < other.topicPartition ? -1 : 1));
}

function roundedLag({ lagEvents, lagSeconds }: Lag): Lag {
  const isInFlight = lagSeconds < inFlight.secondsMax && lagEvents < inFlight.eventsMax;
  return isInFlight
    ? { lagEvents: 0, lagSeconds: 0 }
    : { lagEvents: twoDigits(lagEvents), lagSeconds: twoDigits(lagSeconds) };
}

/** A whole number with at most two digits that are not zero. */
export function twoDigits(value: number): number {
  return value < 100 ? Math.round(value) : Number(value.toPrecision(2));
}
