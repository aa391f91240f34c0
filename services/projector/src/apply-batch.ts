import { decodeEvent, type AggregateEvent, type KafkaRecord } from './decode-event.ts';
import type { FetchedBatch } from './kafka-source.ts';
import type { Projection } from './projection.ts';
import type { ApplyOutcome, Lease, ReadStoreWriter } from './read-store-writer.ts';
import type { Halt } from './resume.ts';
import {
  eventsBefore,
  sliceBounds,
  sliceEvents,
  type ProjectedEvent,
  type Slice,
} from './slices.ts';

export type BatchOutcome =
  | {
      readonly kind: 'applied';
      readonly lease: Lease;
      readonly taken: number;
      readonly duplicates: number;
      /** When the last event was committed; null when it does not say. */
      readonly timeMs: number | null;
    }
  /** Somebody else has acquired the partition, or the read store has lost a part of what it had. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'halted'; readonly halt: Halt };

/** What one batch is applied to. */
export type BatchTarget = {
  readonly name: string;
  readonly lease: Lease;
  readonly writer: ReadStoreWriter;
  readonly projection: Projection;
};

/**
 * Decodes, projects and applies one batch. All slices are sent at once: each names the offset before it, so behind one
 * that was refused the rest is refused too. Throws what the read store throws; then nobody knows how far it came, and
 * the partition must be acquired again.
 */
export async function applyBatch(target: BatchTarget, batch: FetchedBatch): Promise<BatchOutcome> {
  const { events, malformed } = decodeRecords(target.name, batch.records);
  const cut = sliceEvents(projectEvents(target.projection, batch, events), sliceBounds);
  const slices = malformed === null ? endingAt(cut, batch.nextOffset) : cut;
  const outcomes = await applySlices(target, slices);

  const refused = outcomes.findIndex(({ kind }) => kind !== 'applied');
  const outcome = outcomes[refused];
  const slice = slices[refused];
  if (outcome !== undefined && slice !== undefined) {
    const lease = leaseBehind(target.lease, slices.slice(0, refused));
    return afterRefusal({ ...target, lease }, slice, outcome);
  }
  if (malformed !== null) return { kind: 'halted', halt: malformed };
  return {
    kind: 'applied',
    lease: leaseBehind(target.lease, slices),
    ...count(outcomes),
    timeMs: events.at(-1)?.timeMs ?? null,
  };
}

/** Up to the first record that cannot be read; what follows it must wait, or it would take effect out of order. */
function decodeRecords(
  name: string,
  records: readonly KafkaRecord[],
): { readonly events: readonly AggregateEvent[]; readonly malformed: Halt | null } {
  const events: AggregateEvent[] = [];
  for (const record of records) {
    const decoded = decodeEvent(record);
    if (!decoded.ok) {
      const message =
        `The record at ${name} offset ${record.offset} cannot be read: ${decoded.detail}. ` +
        `Mend what writes the events, and restart the projector once the record is gone or readable.`;
      return { events, malformed: { code: 'CQRS_EVENT_MALFORMED', message } };
    }
    events.push(decoded.event);
  }
  return { events, malformed: null };
}

function projectEvents(
  projection: Projection,
  { topic }: FetchedBatch,
  events: readonly AggregateEvent[],
): readonly ProjectedEvent[] {
  return events.map((event) => ({
    offset: event.offset,
    lsn: event.lsn,
    operations: projection.operations(topic, event),
  }));
}

/** The last position takes in what the broker skipped behind the last event. */
function endingAt(slices: readonly Slice[], end: bigint): readonly Slice[] {
  const last = slices.at(-1);
  if (last === undefined) return slices;
  return [...slices.slice(0, -1), { ...last, nextOffset: String(end) }];
}

function leaseBehind(lease: Lease, slices: readonly Slice[]): Lease {
  return { ...lease, offset: slices.at(-1)?.nextOffset ?? lease.offset };
}

function applySlices(target: BatchTarget, slices: readonly Slice[]): Promise<ApplyOutcome[]> {
  const { writer, name, lease } = target;
  return Promise.all(
    slices.map((slice, place) =>
      writer.apply(name, leaseBehind(lease, slices.slice(place - 1, place)), slice),
    ),
  );
}

async function afterRefusal(
  target: BatchTarget,
  slice: Slice,
  outcome: ApplyOutcome,
): Promise<BatchOutcome> {
  if (outcome.kind !== 'version-gap') return { kind: 'lost' };
  const before = eventsBefore(slice, outcome.operationNumber);
  const refused = slice.events[before.length];
  const [applied] = await applySlices(target, sliceEvents(before, sliceBounds));
  if (applied !== undefined && applied.kind !== 'applied') return { kind: 'lost' };
  const [, id = '', version = ''] = refused?.operations[0] ?? [];
  const message =
    `Event ${version} of "${id}" at ${target.name} offset ${refused?.offset} follows version ${outcome.knownVersion}: ` +
    `events between them are missing from the topic. Restore them, and restart the projector; other partitions go on.`;
  return { kind: 'halted', halt: { code: 'CQRS_VERSION_GAP', message } };
}

function count(outcomes: readonly ApplyOutcome[]): { taken: number; duplicates: number } {
  let taken = 0;
  let duplicates = 0;
  for (const outcome of outcomes) {
    if (outcome.kind !== 'applied') continue;
    taken += outcome.taken;
    duplicates += outcome.duplicates;
  }
  return { taken, duplicates };
}
