import type { ViewConfig } from '@cqrs/contract/config.ts';
import type { ConsumerControls, KafkaSource, TopicPartition } from './kafka-source.ts';
import {
  noteHighWatermark,
  ownPartition,
  partitionName,
  type OwnedPartition,
} from './owned-partition.ts';
import type { ReadStoreWriter } from './read-store-writer.ts';
import type { Halt } from './resume.ts';
import { takePartitions } from './take-partitions.ts';
import type { Troubles } from './troubles.ts';

export type PartitionSetOptions = {
  readonly view: ViewConfig;
  readonly kafka: KafkaSource;
  readonly writer: ReadStoreWriter;
  readonly troubles: Troubles;
};

/** The partitions that Kafka has given to this process for one view. */
export class PartitionSet {
  readonly #options: PartitionSetOptions;
  readonly #owned = new Map<string, OwnedPartition>();
  #controls: ConsumerControls | undefined;
  #assigning: Promise<void> = Promise.resolve();

  constructor(options: PartitionSetOptions) {
    this.#options = options;
  }

  list(): readonly OwnedPartition[] {
    return [...this.#owned.values()];
  }

  /** Replaces all partitions and begins to acquire them; until that is done `find` waits. */
  assign(assigned: readonly TopicPartition[], controls: ConsumerControls): void {
    const { sources } = this.#options.view;
    this.#controls = controls;
    this.#owned.clear();
    for (const where of assigned) {
      const gapless = sources.some(({ topic, gapless: all }) => topic === where.topic && all);
      this.#owned.set(partitionName(where), ownPartition(where, gapless, Date.now()));
      controls.resume(where);
    }
    this.#assigning = this.take(this.list()).catch((error: unknown) =>
      this.#options.troubles.note('assignment', error),
    );
  }

  async find(where: TopicPartition): Promise<OwnedPartition | undefined> {
    await this.#assigning;
    return this.#owned.get(partitionName(where));
  }

  /** Acquires partitions and goes on where the read store says: the answer to any doubt about a position. */
  async take(partitions: readonly OwnedPartition[]): Promise<void> {
    for (const taken of await takePartitions(this.#options, partitions)) {
      const { partition, lease, resumption, high } = taken;
      // Kafka may have given it to somebody else meanwhile.
      if (this.#owned.get(partition.name) !== partition) continue;
      if ('halt' in resumption) {
        this.halt(partition, resumption.halt);
        continue;
      }
      partition.lease = lease;
      partition.next = resumption.from;
      noteHighWatermark(partition, high, Date.now());
      this.#controls?.seek(partition.where, resumption.from);
    }
  }

  /** Stops one partition until the next assignment; the others go on. */
  halt(partition: OwnedPartition, reason: Halt): void {
    partition.halt = reason;
    partition.lease = null;
    this.#controls?.pause(partition.where);
    this.#options.troubles.halted(partition.name, reason);
  }

  /** Notes that there is nothing to apply before `nextOffset`. */
  skip(where: TopicPartition, nextOffset: bigint): void {
    const partition = this.#owned.get(partitionName(where));
    if (partition === undefined || partition.next === null) return;
    if (partition.next < nextOffset) partition.next = nextOffset;
  }

  /** Looks at the topics' ends and at the leases, and takes again what was lost while no event flowed. */
  async watch(topics: readonly string[]): Promise<void> {
    await this.#assigning;
    const shortened = await Promise.all(topics.map((topic) => this.#shortened(topic)));
    const doubtful = new Set(shortened.flat());
    for (const partition of this.list()) {
      if (!(await this.#isHeld(partition))) doubtful.add(partition);
    }
    await this.take([...doubtful].filter((partition) => partition.halt === null));
    this.#options.troubles.clear('assignment');
  }

  release(): void {
    this.#owned.clear();
  }

  async #isHeld({ name, lease }: OwnedPartition): Promise<boolean> {
    return lease !== null && (await this.#options.writer.holds(name, lease));
  }

  /** Partitions of a topic that end before what was read of them: the topic was cut, or made anew. */
  async #shortened(topic: string): Promise<readonly OwnedPartition[]> {
    // Noted before asking: what is applied meanwhile must not look as if it lay behind the end.
    const read = new Map(this.list().map(({ name, next }) => [name, next ?? 0n]));
    const offsets = await this.#options.kafka.offsets(topic);
    return offsets.flatMap(({ partition: number, high }) => {
      const partition = this.#owned.get(partitionName({ topic, partition: number }));
      if (partition === undefined) return [];
      noteHighWatermark(partition, high, Date.now());
      return high < (read.get(partition.name) ?? 0n) ? [partition] : [];
    });
  }
}
