import { setTimeout as delay } from 'node:timers/promises';
import {
  ProtocolError,
  type ClusterMetadata,
  type Connection,
  type ConnectionPool,
} from '@platformatic/kafka';
import type { ConsumerControls, ConsumerHandlers, FetchedBatch, TopicPartition } from '../port.ts';
import { retryDelayMs } from './client-options.ts';
import { fetchApi, type FetchedPartition } from './fetch-api.ts';
import { PartitionFeed, type Chunk } from './partition-feed.ts';
import { readRecordSet } from './record-batch.ts';

/** Bounds of one fetch: a partition's share is also what is handed over at once. */
const partitionBytesMax = 1024 * 1024;
const fetchBytesMax = 8 * 1024 * 1024;
/** All partitions together hold no more than this that waits, decompressed, and one fetch on top of it. */
const waitingBytesMax = 32 * 1024 * 1024;
/** The broker answers as soon as there is one record; this is how long it holds the question otherwise. */
const longPollMsMax = 500;
/** While a partition is left out because enough of it waits: it is asked for soon after it has room again. */
const shortPollMsMax = 10;
const partitionsConcurrentlyMax = 4;
/** In a row, of a broker or of the metadata: with their delays a second and a half. */
const retriesMax = 4;
/** Of one partition, which holds up no other: ten seconds, as its leader may have to be elected. */
const partitionRetriesMax = 12;
/** A broker may ask for more patience; it holds its answers back by itself then. */
const throttleMsMax = 5_000;

const offsetOutOfRange = 1;
const noLeader = -1;

type FetcherOptions = {
  readonly connections: ConnectionPool;
  readonly metadata: (forceUpdate: boolean) => Promise<ClusterMetadata>;
  readonly handlers: ConsumerHandlers;
  readonly onFailure: (error: Error) => void;
  /** Before the n-th try again; that of all our clients unless told. */
  readonly retryDelayMs?: (failures: number) => number;
};

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}:${partition}`;

/**
 * Fetches what is assigned, ahead of what is handed over: while one batch is being applied the next is on its way. One
 * request at a time and broker, as the broker answers a connection's requests one after the other anyway.
 */
export class Fetcher {
  readonly #options: FetcherOptions;
  #feeds = new Map<string, PartitionFeed>();
  readonly #asked = new Set<number>();
  readonly #handling = new Set<Promise<void>>();
  #turnIsDue = false;
  #metadataIsStale = false;
  #metadataFailures = 0;
  readonly #brokerFailures = new Map<number, number>();
  #stopped = false;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /** Replaces what is assigned. A partition that stays keeps its feed, so that its batch in hand is waited for. */
  assign(partitions: readonly TopicPartition[]): void {
    const before = this.#feeds;
    for (const feed of before.values()) feed.forget();
    this.#feeds = new Map(
      partitions.map((where) => [
        nameOf(where),
        before.get(nameOf(where)) ?? new PartitionFeed(where),
      ]),
    );
    this.#options.handlers.onAssigned(partitions, this.#controls());
  }

  /** Resolves when no handler runs any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const feed of this.#feeds.values()) feed.forget();
    await Promise.all(this.#handling);
  }

  #retryDelayMs(failures: number): number {
    return (this.#options.retryDelayMs ?? retryDelayMs)(failures);
  }

  #controls(): ConsumerControls {
    const change = (where: TopicPartition, work: (feed: PartitionFeed) => void): void => {
      const feed = this.#feeds.get(nameOf(where));
      if (feed !== undefined) work(feed);
      this.#turn();
    };
    return {
      seek: (where, offset) => change(where, (feed) => feed.seek(offset)),
      pause: (where) => change(where, (feed) => feed.pause()),
      resume: (where) => change(where, (feed) => feed.resume()),
    };
  }

  /** Looks what can be done now, after everything else of this tick: twelve seeks are one fetch. */
  #turn(): void {
    if (this.#turnIsDue || this.#stopped) return;
    this.#turnIsDue = true;
    setImmediate(() => {
      this.#turnIsDue = false;
      this.#handOver();
      void this.#ask();
    });
  }

  async #ask(): Promise<void> {
    if (this.#stopped || this.#feeds.size === 0) return;
    try {
      const forceUpdate = this.#metadataIsStale;
      this.#metadataIsStale = false;
      const metadata = await this.#options.metadata(forceUpdate);
      this.#metadataFailures = 0;
      this.#askBrokers(metadata);
    } catch (error) {
      this.#metadataFailures += 1;
      await this.#failed(error, this.#metadataFailures);
      this.#turn();
    }
  }

  #askBrokers(metadata: ClusterMetadata): void {
    const leaderOf = ({ where: { topic, partition } }: PartitionFeed): number =>
      metadata.topics.get(topic)?.partitions[partition]?.leader ?? noLeader;
    for (const [leader, feeds] of Map.groupBy(this.#wanted(), leaderOf)) {
      const broker = metadata.brokers.get(leader);
      if (broker === undefined) {
        for (const feed of feeds) {
          this.#feedFailed(feed, new TypeError(`Kafka names no leader of ${nameOf(feed.where)}.`));
        }
      } else if (!this.#asked.has(leader)) void this.#askBroker(leader, broker, feeds);
    }
  }

  #wanted(): readonly PartitionFeed[] {
    if (this.#stopped || this.#waitingBytes() >= waitingBytesMax) return [];
    return [...this.#feeds.values()].filter(({ wanted }) => wanted !== null);
  }

  #waitingBytes(): number {
    return [...this.#feeds.values()].reduce((sum, feed) => sum + feed.waitingBytes, 0);
  }

  async #askBroker(
    leader: number,
    broker: Parameters<ConnectionPool['get']>[0],
    feeds: readonly PartitionFeed[],
  ): Promise<void> {
    this.#asked.add(leader);
    try {
      const throttleMs = await this.#fetch(await this.#options.connections.get(broker), feeds);
      this.#brokerFailures.delete(leader);
      if (throttleMs > 0) {
        this.#turn();
        await delay(Math.min(throttleMs, throttleMsMax), undefined, { ref: false });
      }
    } catch (error) {
      const failures = (this.#brokerFailures.get(leader) ?? 0) + 1;
      this.#brokerFailures.set(leader, failures);
      await this.#failed(error, failures);
    } finally {
      this.#asked.delete(leader);
      this.#turn();
    }
  }

  /** Each partition of an answer is taken or fails by itself. Answers how long the broker wants to be left alone. */
  async #fetch(connection: Connection, feeds: readonly PartitionFeed[]): Promise<number> {
    const courses = feeds.map((feed) => ({ feed, course: feed.course, offset: feed.wanted }));
    const someAreFull = [...this.#feeds.values()].some(({ isFull }) => isFull);
    const response = await fetchApi.async(connection, {
      waitMsMax: someAreFull ? shortPollMsMax : longPollMsMax,
      bytesMax: fetchBytesMax,
      partitionBytesMax,
      partitions: courses.flatMap(({ feed, offset }) =>
        offset === null ? [] : [{ ...feed.where, offset }],
      ),
    });
    if (response.errorCode !== 0) throw new ProtocolError(response.errorCode);
    const fetched = new Map(response.partitions.map((each) => [nameOf(each), each]));
    for (const { feed, course, offset } of courses) {
      // What comes compressed may be far more than was asked for; who is left out here is the first next time.
      if (this.#waitingBytes() >= waitingBytesMax + fetchBytesMax) break;
      const partition = fetched.get(nameOf(feed.where));
      // A seek, a pause or another broker's answer may have made this one worthless.
      const isWanted = course === feed.course && offset === feed.wanted;
      if (partition !== undefined && offset !== null && isWanted) {
        this.#take(feed, offset, partition);
      }
    }
    return response.throttleMs;
  }

  #take(feed: PartitionFeed, fetchedOffset: bigint, fetched: FetchedPartition): void {
    const { errorCode, highWatermark, abortedTransactions } = fetched;
    try {
      if (errorCode !== 0) throw new ProtocolError(errorCode, null, { ...feed.where });
      const recordSet = readRecordSet(fetched.bytes, fetchedOffset, abortedTransactions);
      feed.recovered();
      if (recordSet.nextOffset === fetchedOffset) return;
      feed.add({ fetchedOffset, highWatermark, ...recordSet });
    } catch (error) {
      this.#feedFailed(feed, error);
      return;
    }
    // Whoever got something stands at the end of the line, as the broker fills its answer from the front.
    this.#feeds.delete(nameOf(feed.where));
    this.#feeds.set(nameOf(feed.where), feed);
  }

  /** Leaders move, bytes are damaged on their way: asked again after a while, and the others are asked meanwhile. */
  #feedFailed(feed: PartitionFeed, error: unknown): void {
    const failures = feed.backOff();
    // An offset that is not there is for the caller to judge.
    const isFinal = error instanceof ProtocolError && error['apiCode'] === offsetOutOfRange;
    if (isFinal || failures > partitionRetriesMax) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#end(new Error(`${nameOf(feed.where)} cannot be read: ${reason}`, { cause: error }));
      return;
    }
    this.#metadataIsStale = true;
    void this.#retryLater(feed, this.#retryDelayMs(failures));
  }

  async #retryLater(feed: PartitionFeed, ms: number): Promise<void> {
    await delay(ms, undefined, { ref: false });
    feed.retry();
    this.#turn();
  }

  /** Brokers restart: waits before the next try. */
  async #failed(error: unknown, failures: number): Promise<void> {
    if (this.#stopped) return;
    if (failures > retriesMax) {
      this.#end(error);
      return;
    }
    this.#metadataIsStale = true;
    await delay(this.#retryDelayMs(failures), undefined, { ref: false });
  }

  /** Nothing is asked for and nothing handed over any more; who consumes begins anew. */
  #end(cause: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#options.onFailure(cause instanceof Error ? cause : new TypeError(String(cause)));
  }

  #handOver(): void {
    for (const feed of this.#feeds.values()) {
      if (this.#stopped || this.#handling.size >= partitionsConcurrentlyMax) return;
      const chunk = feed.take();
      if (chunk === null) continue;
      const handling: Promise<void> = this.#handle(feed, chunk).finally(() => {
        this.#handling.delete(handling);
        this.#turn();
      });
      this.#handling.add(handling);
    }
  }

  async #handle(feed: PartitionFeed, chunk: Chunk): Promise<void> {
    const { handlers } = this.#options;
    const { course, where } = feed;
    let resolved = false;
    const batch: FetchedBatch = {
      ...where,
      ...chunk,
      isWanted: () => !this.#stopped && feed.course === course,
      resolve: () => {
        resolved = true;
      },
    };
    try {
      if (chunk.records.length > 0) await handlers.onBatch(batch);
      else {
        handlers.onSkipped(where, chunk.nextOffset);
        resolved = true;
      }
    } catch (error) {
      this.#end(error);
    } finally {
      feed.done(chunk, course, resolved);
    }
  }
}
