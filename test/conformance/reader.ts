import { randomUUID } from 'node:crypto';
import type {
  ConsumerControls,
  ConsumerHandlers,
  FetchedBatch,
  RecordSource,
  TopicPartition,
} from '@cqrs/runtime/kafka/port.ts';
import { eventually } from '../support/eventually.ts';

const readMsMax = 40_000;

/** Where each partition was read to, as a read store would know it: shared by the members of a group. */
export type ReadPositions = Map<string, bigint>;

/** A member of a group that reads as the projector does: from its own positions, and past none that it has not seen. */
export type Reader = {
  readonly numbers: () => readonly number[];
  readonly sizes: () => readonly number[];
  readonly batches: () => readonly FetchedBatch[];
  readonly partitions: () => readonly TopicPartition[];
  readonly position: (where: TopicPartition) => bigint | undefined;
  readonly failure: () => Error | undefined;
  readonly clear: () => void;
  readonly leaveUnresolved: (batches: number) => void;
  readonly seek: (where: TopicPartition, offset: bigint) => void;
  readonly pause: (where: TopicPartition) => void;
  readonly resume: (where: TopicPartition) => void;
  readonly has: (records: number) => Promise<unknown>;
  readonly assigned: (partitions: number) => Promise<unknown>;
  readonly stop: () => Promise<void>;
};

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}:${partition}`;

/** What a reader has seen, and what it does next. */
type Seen = {
  controls: ConsumerControls | undefined;
  partitions: readonly TopicPartition[];
  numbers: number[];
  sizes: number[];
  batches: FetchedBatch[];
  /** How many more batches it leaves unresolved. */
  unresolved: number;
};

function handlersOf(seen: Seen, positions: ReadPositions): ConsumerHandlers {
  return {
    onAssigned: (assigned, controls) => {
      seen.controls = controls;
      seen.partitions = assigned;
      for (const where of assigned) controls.seek(where, positions.get(nameOf(where)) ?? 0n);
    },
    onBatch: async (batch) => {
      const position = positions.get(nameOf(batch)) ?? 0n;
      seen.batches.push(batch);
      // Somebody else of the group was here meanwhile, or it was sought elsewhere.
      if (!batch.isWanted() || position !== batch.fetchedOffset) {
        seen.controls?.seek(batch, position);
        return;
      }
      for (const { value } of batch.records) {
        seen.numbers.push((JSON.parse(String(value)) as { readonly number: number }).number);
        seen.sizes.push(value?.length ?? 0);
      }
      if (seen.unresolved > 0) {
        seen.unresolved -= 1;
        return;
      }
      positions.set(nameOf(batch), batch.nextOffset);
      batch.resolve();
    },
    onSkipped: (where, nextOffset) => {
      if ((positions.get(nameOf(where)) ?? 0n) >= nextOffset) return;
      positions.set(nameOf(where), nextOffset);
    },
  };
}

export async function startReader(
  source: RecordSource,
  topics: readonly string[],
  options: { readonly group?: string; readonly positions?: ReadPositions },
): Promise<Reader> {
  const positions: ReadPositions = options.positions ?? new Map<string, bigint>();
  const seen: Seen = {
    controls: undefined,
    partitions: [],
    numbers: [],
    sizes: [],
    batches: [],
    unresolved: 0,
  };
  const consumption = await source
    .consume(options.group ?? randomUUID(), topics, handlersOf(seen, positions))
    .catch(async (error: unknown) => {
      await source.close();
      throw error;
    });
  const waitFor = (what: string, condition: () => boolean): Promise<true> =>
    eventually(what, readMsMax, () => {
      const failure = consumption.failure();
      if (failure !== undefined) throw failure;
      return condition();
    });
  return {
    numbers: () => seen.numbers,
    sizes: () => seen.sizes,
    batches: () => seen.batches,
    partitions: () => seen.partitions,
    position: (where) => positions.get(nameOf(where)),
    failure: consumption.failure,
    clear: () => {
      Object.assign(seen, { numbers: [], sizes: [], batches: [] });
    },
    leaveUnresolved: (batches) => {
      seen.unresolved = batches;
    },
    seek: (where, offset) => {
      positions.set(nameOf(where), offset);
      seen.controls?.seek(where, offset);
    },
    pause: (where) => seen.controls?.pause(where),
    resume: (where) => seen.controls?.resume(where),
    has: (count) => waitFor(`${count} records`, () => seen.numbers.length >= count),
    assigned: (count) => waitFor(`${count} partitions`, () => seen.partitions.length === count),
    stop: async () => {
      await consumption.stop();
      await source.close();
    },
  };
}
