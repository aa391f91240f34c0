import type { ViewConfig } from '@cqrs/contract/config.ts';
import type {
  ConsumerControls,
  RecordSource,
  TopicIds,
  TopicPartition,
} from '@cqrs/runtime/kafka/port.ts';
import {
  isCaughtUp,
  noteHighWatermark,
  ownPartition,
  partitionName,
  type OwnedPartition,
} from './owned-partition.ts';
import type { ReadStoreWriter } from './read-store-writer.ts';
import type { Halt } from './resume.ts';
import { retryDelayMs } from './retry-delay.ts';
import { takePartitions } from './take-partitions.ts';
import { assertSameTopics } from './topic-identity.ts';
import type { Troubles } from './troubles.ts';

export type PartitionSetOptions = {
  readonly view: ViewConfig;
  readonly kafka: RecordSource;
  readonly writer: ReadStoreWriter;
  readonly troubles: Troubles;
};

/** The partitions that Kafka has given to this process for one view. */
export class PartitionSet {
  readonly #options: PartitionSetOptions;
  readonly #owned = new Map<string, OwnedPartition>();
  #controls: ConsumerControls | undefined;
  #assigning: Promise<void> = Promise.resolve();
  /** How many partitions each source topic has, 0 while there is no such topic; empty until looked at. */
  #counts: ReadonlyMap<string, number> = new Map();
  /** What the topics were when this consumption began: one that is made anew ends it. */
  #topicIds: TopicIds = new Map();

  constructor(options: PartitionSetOptions) {
    this.#options = options;
  }

  list(): readonly OwnedPartition[] {
    return [...this.#owned.values()];
  }

  /** A new consumption, of topics with these ids. */
  begin(topicIds: TopicIds): void {
    this.#topicIds = topicIds;
  }

  /** Replaces all partitions and begins to acquire them; until that is done `find` waits. */
  assign(assigned: readonly TopicPartition[], controls: ConsumerControls): void {
    const { sources } = this.#options.view;
    this.#controls = controls;
    this.release();
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
    for (const taken of await takePartitions(this.#options, partitions, this.#topicIds)) {
      const { partition, lease, resumption, high } = taken;
      // Kafka may have given it to somebody else meanwhile.
      if (this.#owned.get(partition.name) !== partition) continue;
      partition.lease = lease;
      partition.next = 'halt' in resumption ? BigInt(lease.offset) : resumption.from;
      noteHighWatermark(partition, high, Date.now());
      if ('halt' in resumption) {
        await this.halt(partition, resumption.halt);
        continue;
      }
      // A read store that was emptied since promises nothing about the end of an earlier time.
      partition.buildEnd = high;
      this.#goOn(partition);
      this.#controls?.seek(partition.where, resumption.from);
    }
  }

  /** Stops one partition until it is retried or assigned again; the others go on. It keeps its lease to notice that. */
  async halt(partition: OwnedPartition, reason: Halt): Promise<void> {
    const { name, lease, where } = partition;
    partition.halt = reason;
    this.#controls?.pause(where);
    this.#options.troubles.clear(name);
    this.#options.troubles.halted(name, reason);
    if (lease === null) return;
    await this.#options.writer.halt(name, lease, `${reason.code}: ${reason.message}`);
  }

  /** Leaves a batch for later: its partition is paused and then read again from `offset`. */
  postpone(partition: OwnedPartition, offset: bigint): void {
    const { name, where } = partition;
    partition.postponed += 1;
    this.#controls?.pause(where);
    this.#controls?.seek(where, offset);
    setTimeout(() => {
      if (this.#owned.get(name) === partition && partition.halt === null) {
        this.#controls?.resume(where);
      }
    }, retryDelayMs(partition.postponed)).unref();
  }

  #goOn(partition: OwnedPartition): void {
    if (partition.halt === null) return;
    partition.halt = null;
    this.#controls?.resume(partition.where);
  }

  /** Notes that there is nothing to apply before `nextOffset`. */
  skip(where: TopicPartition, nextOffset: bigint): void {
    const partition = this.#owned.get(partitionName(where));
    if (partition === undefined || partition.next === null) return;
    if (partition.next < nextOffset) partition.next = nextOffset;
  }

  /**
   * Looks at the topics' ids and ends and at the leases. Throws CQRS_EVENT_SOURCE_FAILED when a topic was made anew, and takes again what was lost or retried while no event flowed. */
  async watch(topics: readonly string[]): Promise<void> {
    await this.#assigning;
    assertSameTopics(this.#topicIds, await this.#options.kafka.topicIds(topics));
    const looks = await Promise.all(topics.map((topic) => this.#lookAt(topic)));
    const missing = this.#options.view.sources.map(({ topic }) => [topic, 0] as const);
    this.#counts = new Map([
      ...missing,
      ...looks.map(({ topic, count }) => [topic, count] as const),
    ]);
    const shortened = looks.flatMap((look) => look.shortened);
    const doubtful = new Set(shortened.filter(({ halt }) => halt === null));
    for (const partition of this.list()) {
      if (!(await this.#stands(partition))) doubtful.add(partition);
    }
    await this.take([...doubtful]);
    this.#options.troubles.clear('assignment');
  }

  /** What held up a partition is another process's matter from here on. */
  release(): void {
    for (const { name } of this.#owned.values()) this.#options.troubles.clear(name);
    this.#owned.clear();
  }

  /**
   * Tells the read store of a partition that has caught up, so that the view counts as built once all have. False when
   * the lease does not stand. Repeated at every look, because a Redis that came back older may have forgotten it.
   */
  async noteCaughtUp({ name, lease }: OwnedPartition): Promise<boolean> {
    if (lease === null) return false;
    if (this.#counts.size === 0) return true;
    const answer = await this.#options.writer.caughtUp(name, lease, this.#counts);
    return answer === 'building' || answer === 'built';
  }

  async #stands(partition: OwnedPartition): Promise<boolean> {
    const { name, lease } = partition;
    if (lease === null) return false;
    if (!(await this.#options.writer.holds(name, lease))) return false;
    return isCaughtUp(partition) ? this.noteCaughtUp(partition) : true;
  }

  /** How many partitions a topic has, and which end before what was read of them: it was cut, or made anew. */
  async #lookAt(topic: string): Promise<{
    readonly topic: string;
    readonly count: number;
    readonly shortened: readonly OwnedPartition[];
  }> {
    // Noted before asking: what is applied meanwhile must not look as if it lay behind the end.
    const read = new Map(this.list().map(({ name, next }) => [name, next ?? 0n]));
    const offsets = await this.#options.kafka.offsets(topic);
    const shortened = offsets.flatMap(({ partition: number, high }) => {
      const partition = this.#owned.get(partitionName({ topic, partition: number }));
      if (partition === undefined) return [];
      noteHighWatermark(partition, high, Date.now());
      return high < (read.get(partition.name) ?? 0n) ? [partition] : [];
    });
    return { topic, count: offsets.length, shortened };
  }
}
