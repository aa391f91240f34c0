import type { FetchedBatch } from '@cqrs/runtime/kafka/port.ts';
import type { DeadLetterTopic } from './dead-letter-topic.ts';
import { boundedError, haltedKeysMax, withHaltedKeys, type HaltedKey } from './halted-key.ts';
import { planBatch, tooManyHalted } from './plan-batch.ts';
import type { Projection } from './projection.ts';
import type { ApplyOutcome, Lease, ReadStoreWriter } from './read-store-writer.ts';
import type { Halt } from './resume.ts';
import { eventsBefore, sliceBounds, sliceEvents, type Slice } from './slices.ts';

export type BatchOutcome =
  | {
      readonly kind: 'applied';
      readonly lease: Lease;
      readonly taken: number;
      readonly duplicates: number;
      readonly newlyHalted: readonly HaltedKey[];
      /** Events behind one that halted their key. */
      readonly passedOver: number;
      readonly deadLettered: number;
      /** When the last event was committed; null when it does not say. */
      readonly timeMs: number | null;
    }
  /**
   * The read store is to be asked where the partition goes on: somebody else has acquired it, the store has lost a part
   * of what it had, or it has refused an event, whose key is halted now.
   */
  | { readonly kind: 'lost' }
  | { readonly kind: 'halted'; readonly halt: Halt; readonly offset: string | null };

/** What one batch is applied to. */
export type BatchTarget = {
  readonly name: string;
  readonly lease: Lease;
  readonly writer: ReadStoreWriter;
  readonly projection: Projection;
  /** Where a view whose `poison` is `dead-letter` puts events. */
  readonly deadLetters?: DeadLetterTopic | undefined;
};

/**
 * Decodes, projects and applies one batch. All slices are sent at once: each names the offset before it, so behind one
 * that was refused the rest is refused too. Throws what the read store and the dead-letter topic throw; then nobody
 * knows how far it came, and the partition must be acquired again.
 */
export async function applyBatch(target: BatchTarget, batch: FetchedBatch): Promise<BatchOutcome> {
  const { name, projection, lease, deadLetters } = target;
  const { haltedKeys } = lease;
  const plan = planBatch({ name, topic: batch.topic, projection, haltedKeys }, batch.records);
  // Kafka has them before the position passes them; a crash in between copies them once more.
  if (plan.deadLetters.length > 0) await deadLetters?.send(plan.deadLetters);
  const cut = sliceEvents(plan.events, sliceBounds);
  const slices = plan.halt === null ? endingAt(cut, batch.nextOffset) : cut;
  const outcomes = await applySlices(target, slices);

  const refused = outcomes.findIndex(({ kind }) => kind !== 'applied');
  const outcome = outcomes[refused];
  const slice = slices[refused];
  if (outcome !== undefined && slice !== undefined) {
    const reached = leaseBehind(lease, slices.slice(0, refused));
    return afterRefusal({ ...target, lease: reached }, slice, outcome);
  }
  if (plan.halt !== null) {
    const offset = batch.records[plan.events.length]?.offset ?? null;
    return { kind: 'halted', halt: plan.halt, offset };
  }
  const { newlyHalted, passedOver, timeMs } = plan;
  const behind = leaseBehind(lease, slices);
  return {
    kind: 'applied',
    lease: { ...behind, haltedKeys: withHaltedKeys(haltedKeys, newlyHalted) },
    ...count(outcomes),
    newlyHalted,
    passedOver,
    deadLettered: plan.deadLetters.length,
    timeMs,
  };
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
  switch (outcome.kind) {
    case 'version-gap':
      return haltAtGap(target, slice, outcome);
    case 'refused':
      return haltRefused(target, slice);
    case 'applied':
    case 'fenced':
    case 'gap':
      return { kind: 'lost' };
  }
}

/** A missing version is a loss and not one bad event, so the whole partition stands still at it. */
async function haltAtGap(
  target: BatchTarget,
  slice: Slice,
  gap: Extract<ApplyOutcome, { kind: 'version-gap' }>,
): Promise<BatchOutcome> {
  const before = eventsBefore(slice, gap.operationNumber);
  const refused = slice.events[before.length];
  const [applied] = await applySlices(target, sliceEvents(before, sliceBounds));
  if (applied !== undefined && applied.kind !== 'applied') return { kind: 'lost' };
  const [, id = '', version = ''] = refused?.operations[0] ?? [];
  const message =
    `Event ${version} of "${id}" at ${target.name} offset ${refused?.offset} follows version ${gap.knownVersion}: ` +
    `events between them are missing from the topic. Restore them, and retry the partition; other partitions go on.`;
  return {
    kind: 'halted',
    halt: { code: 'CQRS_VERSION_GAP', message },
    offset: refused?.offset ?? null,
  };
}

/**
 * The function failed on one of these events, nobody knows which, so they are applied one by one until it fails again.
 * Such an event halts its key even where others go to the dead letters: what a store refuses may be the store's fault,
 * and a topic full of good events is nothing that anybody asked for.
 */
async function haltRefused(target: BatchTarget, { events }: Slice): Promise<BatchOutcome> {
  const { writer, name } = target;
  let { lease } = target;
  for (const event of events) {
    const alone = sliceEvents([event], sliceBounds);
    const outcomes = await applySlices({ ...target, lease }, alone);
    const [outcome] = outcomes;
    if (outcome?.kind === 'refused') {
      const { offset, lsn } = event;
      if (lease.haltedKeys.size >= haltedKeysMax) {
        return { kind: 'halted', halt: tooManyHalted(name, offset, outcome.detail), offset };
      }
      const [, key = ''] = event.operations[0] ?? [];
      const error = boundedError(`CQRS_PROJECTION_FAILED: Redis refuses it: ${outcome.detail}`);
      const halts = { key, offset, error };
      const nextOffset = String(BigInt(offset) + 1n);
      const halting = { offset, lsn, operations: [], halts };
      await writer.apply(name, lease, { events: [halting], nextOffset, lsn });
      return { kind: 'lost' };
    }
    if (outcome?.kind !== 'applied') return { kind: 'lost' };
    lease = leaseBehind(lease, alone);
  }
  return { kind: 'lost' };
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
