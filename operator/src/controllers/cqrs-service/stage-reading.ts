import type { ServiceStatus, ViewStatus } from '@cqrs/contract/ops-status.ts';

export type Lag = { readonly lagEvents: number; readonly lagSeconds: number };

export type ViewReading = Lag & {
  readonly view: string;
  /** What each halted partition says, partition first. */
  readonly halted: readonly string[];
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

/** Whether people would rather not wait for the next reading. */
export function isMoving(reading: StageReading): boolean {
  if (reading.outcome === 'unreachable') return true;
  return reading.error !== null || reading.views.some((view) => !isCaughtUp(view));
}

/** Whether a view shows everything but what was written in the last seconds. */
export function isCaughtUp(view: ViewReading): boolean {
  return view.lagSeconds <= caughtUpSecondsMax && view.halted.length === 0;
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

function viewReading({ view, lagEvents, lagSeconds, halted }: ViewStatus): ViewReading {
  const isInFlight = lagSeconds < inFlight.secondsMax && lagEvents < inFlight.eventsMax;
  return {
    view,
    lagEvents: isInFlight ? 0 : twoDigits(lagEvents),
    lagSeconds: isInFlight ? 0 : twoDigits(lagSeconds),
    halted: halted.map(({ topicPartition, error }) => `${topicPartition}: ${error}`),
  };
}

/** A whole number with at most two digits that are not zero. */
export function twoDigits(value: number): number {
  return value < 100 ? Math.round(value) : Number(value.toPrecision(2));
}
