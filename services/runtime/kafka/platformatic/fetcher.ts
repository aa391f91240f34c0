import { setTimeout as delay } from 'node:timers/promises';
import { ProtocolError, type ClusterMetadata, type ConnectionPool } from '@platformatic/kafka';
import type { ConsumerControls, ConsumerHandlers, FetchedBatch, TopicPartition } from '../port.ts';
import { retryDelayMs } from './client-options.ts';
import { fetchApi, type FetchedPartition } from './fetch-api.ts';
import { PartitionFeed, type Chunk } from './partition-feed.ts';
import { readRecordSet } from './record-batch.ts';

/** Bounds of one fetch: a partition's share is also what is handed over at once. */
const partitionBytesMax = 1024 * 1024;
const fetchBytesMax = 8 * 1024 * 1024;
/** All partitions together hold no more than this that waits, and one fetch on top of it. */
const waitingBytesMax = 32 * 1024 * 1024;
/** The broker answers as soon as there is one record; this is how long it holds the question otherwise. */
const longPollMsMax = 500;
/** While a partition is left out because enough of it waits: it is asked for soon after it has room again. */
const shortPollMsMax = 10;
const partitionsConcurrentlyMax = 4;
const retriesMax = 4;

const offsetOutOfRange = 1;

type FetcherOptions = {
  readonly connections: ConnectionPool;
  readonly metadata: (forceUpdate: boolean) => Promise<ClusterMetadata>;
  readonly handlers: ConsumerHandlers;
  readonly onFailure: (error: Error) => void;
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
  #failures = 0;
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
      const wanted = this.#wanted();
      const leaderOf = ({ where: { topic, partition } }: PartitionFeed): number =>
        metadata.topics.get(topic)?.partitions[partition]?.leader ?? -1;
      for (const [leader, feeds] of Map.groupBy(wanted, leaderOf)) {
        if (!this.#asked.has(leader)) void this.#askBroker(leader, metadata, feeds);
      }
    } catch (error) {
      await this.#failed(error);
    }
  }

  #wanted(): readonly PartitionFeed[] {
    if (this.#stopped) return [];
    const feeds = [...this.#feeds.values()];
    const waitingBytes = feeds.reduce((sum, feed) => sum + feed.waitingBytes, 0);
    return waitingBytes < waitingBytesMax ? feeds.filter(({ wanted }) => wanted !== null) : [];
  }

  async #askBroker(
    leader: number,
    { brokers }: ClusterMetadata,
    feeds: readonly PartitionFeed[],
  ): Promise<void> {
    this.#asked.add(leader);
    try {
      const broker = brokers.get(leader);
      if (broker === undefined)
        throw new TypeError(`Kafka names no leader of ${feeds.length} partitions.`);
      const connection = await this.#options.connections.get(broker);
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
        const partition = fetched.get(nameOf(feed.where));
        if (partition !== undefined && offset !== null && course === feed.course) {
          this.#take(feed, offset, partition);
        }
      }
      this.#failures = 0;
    } catch (error) {
      await this.#failed(error);
    } finally {
      this.#asked.delete(leader);
      this.#turn();
    }
  }

  #take(feed: PartitionFeed, fetchedOffset: bigint, fetched: FetchedPartition): void {
    const { errorCode, bytes, highWatermark, abortedTransactions } = fetched;
    if (errorCode !== 0) throw new ProtocolError(errorCode, null, { ...feed.where });
    const { records, nextOffset } = readRecordSet(bytes, fetchedOffset, abortedTransactions);
    if (nextOffset === fetchedOffset) return;
    feed.add({ fetchedOffset, nextOffset, highWatermark, records, bytes: bytes.length });
    // Whoever got something stands at the end of the line, as the broker fills its answer from the front.
    this.#feeds.delete(nameOf(feed.where));
    this.#feeds.set(nameOf(feed.where), feed);
  }

  /** Leaders move and brokers restart: asked again a few times. An offset that is not there is for the caller to judge. */
  async #failed(cause: unknown): Promise<void> {
    if (this.#stopped) return;
    const error = cause instanceof Error ? cause : new TypeError(String(cause));
    this.#failures += 1;
    const isFinal = error instanceof ProtocolError && error['apiCode'] === offsetOutOfRange;
    if (isFinal || this.#failures > retriesMax) {
      this.#options.onFailure(error);
      return;
    }
    this.#metadataIsStale = true;
    await delay(retryDelayMs(this.#failures));
    this.#turn();
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
    const { handlers, onFailure } = this.#options;
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
      onFailure(error instanceof Error ? error : new TypeError(String(error)));
    } finally {
      feed.done(chunk, course, resolved);
    }
  }
}
