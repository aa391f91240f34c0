import type { HaltedKey } from './halted-key.ts';
import type { Operation } from './projection.ts';

/** One event with what it does to the view; nothing when it is passed over. */
export type ProjectedEvent = {
  readonly offset: string;
  /** '' when it does not say. */
  readonly lsn: string;
  readonly operations: readonly Operation[];
  /** The key that it halts instead of being applied. */
  readonly halts?: HaltedKey;
};

/** What one call of `apply` carries: all of it takes effect with its position, or nothing. */
export type Slice = {
  readonly events: readonly ProjectedEvent[];
  /** Where reading goes on once it is applied. */
  readonly nextOffset: string;
  readonly lsn: string;
};

export type SliceBounds = { readonly eventsMax: number; readonly charactersMax: number };

/**
 * Redis serves nobody else during a call, so a slice is bounded by what takes the time. Measured
 * (designs/0002-read-store.md): 128 events of 0.3 KB with an index take about 1 ms.
 */
export const sliceBounds: SliceBounds = { eventsMax: 128, charactersMax: 256 * 1024 };

function charactersOf({ operations }: ProjectedEvent): number {
  let characters = 0;
  for (const operation of operations) characters += operation[3].length + operation[4].length;
  return characters;
}

function sliceOf(events: readonly ProjectedEvent[], last: ProjectedEvent): Slice {
  const lsn = events.findLast((event) => event.lsn !== '')?.lsn ?? '';
  return { events, nextOffset: String(BigInt(last.offset) + 1n), lsn };
}

/** Cuts events into slices in their order; one event larger than a bound gets a slice of its own. */
export function sliceEvents(
  events: readonly ProjectedEvent[],
  bounds: SliceBounds,
): readonly Slice[] {
  const slices: Slice[] = [];
  let current: ProjectedEvent[] = [];
  let last: ProjectedEvent | undefined;
  let characters = 0;
  for (const event of events) {
    const size = charactersOf(event);
    const full = current.length >= bounds.eventsMax || characters + size > bounds.charactersMax;
    if (last !== undefined && full) {
      slices.push(sliceOf(current, last));
      current = [];
      characters = 0;
    }
    current.push(event);
    last = event;
    characters += size;
  }
  if (last !== undefined) slices.push(sliceOf(current, last));
  return slices;
}

/** The events before the one that the operation with this number (from 1) belongs to. */
export function eventsBefore(slice: Slice, operationNumber: number): readonly ProjectedEvent[] {
  let operations = 0;
  const end = slice.events.findIndex((event) => {
    operations += event.operations.length;
    return operations >= operationNumber;
  });
  return slice.events.slice(0, end);
}
