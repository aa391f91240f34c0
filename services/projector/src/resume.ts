import type { ErrorCode } from '@cqrs/contract/errors.ts';

/** Why a partition stands still: the code, and a sentence with the remedy. */
export type Halt = { readonly code: ErrorCode; readonly message: string };

export type Resumption = { readonly from: bigint } | { readonly halt: Halt };

/**
 * Where reading a partition goes on: at its position in the read store, or where the topic begins when there is none.
 * A topic that no longer reaches to the position cannot be gone on with in silence.
 */
export function resume(of: {
  readonly topicPartition: string;
  /** The position in the read store, null when nothing was applied yet. */
  readonly position: bigint | null;
  /** What the topic holds: from `low`, up to but without `high`. */
  readonly low: bigint;
  readonly high: bigint;
  /** Whether the view counts on every event of the topic. */
  readonly gapless: boolean;
}): Resumption {
  const { topicPartition, position, low, high, gapless } = of;
  if (position === null) return { from: low };
  if (position > high) {
    const message =
      `The view has applied ${topicPartition} up to offset ${position}, but the topic ends at ${high}: ` +
      `it lost its end (one that was made anew has another id, and is read from its beginning). Restore the topic, or rebuild the view by changing its definition.`;
    return { halt: { code: 'CQRS_POSITION_AHEAD', message } };
  }
  if (position < low && gapless) {
    const message =
      `The view has applied ${topicPartition} up to offset ${position}, but the topic now begins at ${low}: ` +
      `the events between are lost to the view. Restore the topic, or set events.retention to what its readers need.`;
    return { halt: { code: 'CQRS_EVENTS_EXPIRED', message } };
  }
  return { from: position < low ? low : position };
}
