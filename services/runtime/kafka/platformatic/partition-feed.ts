import type { FetchedRecord, TopicPartition } from '../port.ts';

/** What one fetch has brought of one partition. */
export type Chunk = {
  readonly fetchedOffset: bigint;
  readonly nextOffset: bigint;
  readonly highWatermark: bigint;
  readonly records: readonly FetchedRecord[];
  /** What the records keep in memory. */
  readonly bytes: number;
};

/** What was fetched ahead of the chunk in hand. More would only be memory: one is enough to go on without waiting. */
const waitingChunksMax = 2;

/**
 * One assigned partition: where the next fetch begins, and what was fetched and not yet handed over. A seek begins a new
 * course; whatever belongs to an older one is worthless, wherever it is under way.
 */
export class PartitionFeed {
  readonly where: TopicPartition;
  #fetchFrom: bigint | null = null;
  #course = 0;
  #paused = false;
  /** In a row; a fetch that was read ends them. */
  #failures = 0;
  #backsOff = false;
  #waiting: Chunk[] = [];
  #inHand: Chunk | null = null;

  constructor(where: TopicPartition) {
    this.where = where;
  }

  get course(): number {
    return this.#course;
  }

  /** The offset to fetch next; null while the partition is paused or backs off, nobody has said where, or enough waits. */
  get wanted(): bigint | null {
    return this.#paused || this.#backsOff || this.isFull ? null : this.#fetchFrom;
  }

  get isFull(): boolean {
    return this.#waiting.length >= waitingChunksMax;
  }

  get waitingBytes(): number {
    return this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  seek(offset: bigint): void {
    this.forget();
    this.#fetchFrom = offset;
  }

  /** Nothing is fetched, and nothing under way counts, until the next `seek`. */
  forget(): void {
    this.#course += 1;
    this.#waiting = [];
    this.#fetchFrom = null;
  }

  /** What waits is fetched again after `resume`: a paused partition holds no memory. */
  pause(): void {
    this.#paused = true;
    const oldest = this.#inHand ?? this.#waiting[0];
    if (oldest !== undefined) this.seek(oldest.fetchedOffset);
  }

  resume(): void {
    this.#paused = false;
  }

  /** Its last fetch failed: it is left out until `retry`. Answers how many have failed in a row. */
  backOff(): number {
    this.#backsOff = true;
    this.#failures += 1;
    return this.#failures;
  }

  retry(): void {
    this.#backsOff = false;
  }

  /** Its last fetch could be read, though it may have brought nothing. */
  recovered(): void {
    this.#failures = 0;
  }

  /** Takes what a fetch of this course has brought. */
  add(chunk: Chunk): void {
    this.#waiting.push(chunk);
    this.#fetchFrom = chunk.nextOffset;
  }

  /** The next chunk to hand over; null while one is in hand, or none waits. */
  take(): Chunk | null {
    if (this.#inHand !== null || this.#paused) return null;
    this.#inHand = this.#waiting.shift() ?? null;
    return this.#inHand;
  }

  /** The chunk in hand was handled. One that was not resolved, and not sought away from, comes again. */
  done({ fetchedOffset }: Chunk, course: number, resolved: boolean): void {
    this.#inHand = null;
    if (!resolved && course === this.#course) this.seek(fetchedOffset);
  }
}
