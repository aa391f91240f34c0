import type { FetchedRecord } from '@cqrs/runtime/kafka/port.ts';
import { committedAtMs, decodeEvent } from './decode-event.ts';
import type { DeadLetter } from './dead-letter-topic.ts';
import {
  boundedError,
  haltedKeysMax,
  withHaltedKeys,
  type HaltedKey,
  type HaltedKeys,
} from './halted-key.ts';
import type { Projection } from './projection.ts';
import type { Halt } from './resume.ts';
import type { ProjectedEvent } from './slices.ts';

export type BatchPlan = {
  /** What to apply, in order; events of halted keys are among them and do nothing. */
  readonly events: readonly ProjectedEvent[];
  /** Keys that halt in this batch. */
  readonly newlyHalted: readonly HaltedKey[];
  /** Copies that Kafka must have before anything of this batch is applied. */
  readonly deadLetters: readonly DeadLetter[];
  /** Why the partition goes no further than the last of `events`; null when it does. */
  readonly halt: Halt | null;
  readonly passedOver: number;
  /** When the last event was committed; null when none says. */
  readonly timeMs: number | null;
};

/** What the records of one partition mean for a view. Pure. */
export function planBatch(
  of: {
    readonly name: string;
    readonly topic: string;
    readonly projection: Projection;
    readonly haltedKeys: HaltedKeys;
  },
  records: readonly FetchedRecord[],
): BatchPlan {
  const { name, topic, projection } = of;
  const isDeadLettered = projection.view.poison === 'dead-letter';
  const events: ProjectedEvent[] = [];
  const newlyHalted: HaltedKey[] = [];
  const deadLetters: DeadLetter[] = [];
  let haltedKeys = of.haltedKeys;
  let halt: Halt | null = null;
  let passedOver = 0;
  const readable: FetchedRecord[] = [];
  for (const record of records) {
    const { offset } = record;
    const decoded = decodeEvent(record);
    const key = decoded.ok ? decoded.event.aggregateId : decoded.key;
    if (haltedKeys.has(key)) {
      events.push({ offset, lsn: '', operations: [] });
      passedOver += 1;
    } else if (decoded.ok) {
      const { lsn } = decoded.event;
      events.push({ offset, lsn, operations: projection.operations(topic, decoded.event) });
      readable.push(record);
    } else if (isDeadLettered) {
      const { detail, version } = decoded;
      const skipped = { aggregateId: key, version, offset };
      events.push({ offset, lsn: '', operations: projection.skipping(topic, skipped) });
      deadLetters.push({ record, topicPartition: name, error: boundedError(detail) });
    } else if (haltedKeys.size >= haltedKeysMax) {
      halt = tooManyHalted(name, offset, decoded.detail);
      break;
    } else {
      const error = unreadable(decoded.detail);
      events.push({ offset, lsn: '', operations: [], halts: { key, offset, error } });
      newlyHalted.push({ key, offset, error });
      haltedKeys = withHaltedKeys(haltedKeys, newlyHalted.slice(-1));
    }
  }
  const timeMs = lastTimeMs(readable);
  return { events, newlyHalted, deadLetters, halt, passedOver, timeMs };
}

function lastTimeMs(records: readonly FetchedRecord[]): number | null {
  const last = records.findLast((record) => committedAtMs(record) !== null);
  return last === undefined ? null : committedAtMs(last);
}

function unreadable(detail: string): string {
  return boundedError(`CQRS_EVENT_MALFORMED: The record cannot be read: ${detail}.`);
}

/** Halts a partition in which no more keys may halt. */
export function tooManyHalted(name: string, offset: string, detail: string): Halt {
  const message =
    `${haltedKeysMax} keys of ${name} are halted, and the record at offset ${offset} would halt another: ${detail}. ` +
    `See the halted keys for the cause, mend it, and retry them.`;
  return { code: 'CQRS_EVENT_MALFORMED', message };
}
