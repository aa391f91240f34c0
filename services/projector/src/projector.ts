import { setTimeout as delay } from 'node:timers/promises';
import { isCoded } from '@cqrs/contract/errors.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import type { FetchedBatch, RecordSource } from '@cqrs/runtime/kafka/port.ts';
import type { Tracing } from '@cqrs/runtime/telemetry/tracing.ts';
import type { DeadLetterTopic } from './dead-letter-topic.ts';
import type { ProjectorMetrics } from './metrics.ts';
import { PartitionSet } from './partition-set.ts';
import { projectBatch, type BatchParts } from './project-batch.ts';
import type { Projection } from './projection.ts';
import type { ReadStoreWriter } from './read-store-writer.ts';
import { retryDelayMs } from './retry-delay.ts';
import type { ViewProgress } from './status.ts';
import { createTroubles, noteMissingTopics, type Troubles } from './troubles.ts';

/** How often topics' ends, leases and missing topics are looked at, whether or not events flow. */
const watchPeriodMs = 1_000;

export type ProjectorOptions = {
  readonly projection: Projection;
  readonly consumerGroup: string;
  readonly kafka: RecordSource;
  readonly writer: ReadStoreWriter;
  readonly deadLetters: DeadLetterTopic;
  readonly metrics: ProjectorMetrics;
  readonly logger: Logger;
  /** Undefined while nothing is traced. */
  readonly tracing: Tracing | undefined;
};

/**
 * Keeps one view up to date until stopped: consumes the topics there are, applies each batch behind the position that
 * the read store holds, and at any doubt goes on from that position. Nothing has to be remembered here.
 */
export class Projector {
  readonly #options: ProjectorOptions;
  readonly #view: string;
  readonly #troubles: Troubles;
  readonly #partitions: PartitionSet;
  readonly #parts: BatchParts;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: ProjectorOptions) {
    const { view } = options.projection;
    this.#options = options;
    this.#view = view.name;
    this.#troubles = createTroubles(options.logger);
    this.#partitions = new PartitionSet({ ...options, view, troubles: this.#troubles });
    this.#parts = { ...options, partitions: this.#partitions, troubles: this.#troubles };
    this.#running = this.#run();
  }

  progress(): ViewProgress {
    const [partitions, troubles] = [this.#partitions.list(), this.#troubles.list()];
    return { view: this.#view, partitions, troubles };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#options.deadLetters.close();
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#options.writer.check();
        await this.#consumeUntilTopicsAppear();
        failures = 0;
      } catch (error) {
        failures += 1;
        this.#troubles.note('consumer', error);
        await this.#pause(retryDelayMs(failures));
      }
    }
  }

  /** The consumer is told its topics once, so it is started anew when a missing one is there. */
  async #consumeUntilTopicsAppear(): Promise<void> {
    const { kafka, consumerGroup, projection } = this.#options;
    const topics = [...new Set(projection.view.sources.map(({ topic }) => topic))];
    const existing = await kafka.existing(topics);
    const missing = topics.filter((topic) => !existing.includes(topic));
    noteMissingTopics(this.#troubles, this.#view, missing);
    this.#troubles.clear('consumer');
    if (existing.length === 0) return this.#pause(watchPeriodMs);
    this.#partitions.begin(await kafka.topicIds(existing));
    const consumption = await kafka.consume(consumerGroup, existing, {
      onAssigned: (assigned, controls) => this.#partitions.assign(assigned, controls),
      onBatch: (batch) => this.#onBatch(batch),
      onSkipped: (where, nextOffset) => this.#partitions.skip(where, nextOffset),
    });
    try {
      while (!this.#stopping.signal.aborted && (await kafka.existing(missing)).length === 0) {
        const failure = consumption.failure();
        if (failure !== undefined) throw failure;
        await this.#watch(existing);
        await this.#pause(watchPeriodMs);
      }
    } finally {
      await consumption.stop();
      this.#partitions.release();
    }
  }

  /** Kafka's failures end the consumer and start a new one; while Redis is away the consumer keeps its partitions. */
  async #watch(existing: readonly string[]): Promise<void> {
    try {
      await this.#partitions.watch(existing);
      this.#troubles.clear('consumer');
    } catch (error) {
      if (!isCoded(error, 'CQRS_READ_STORE_FAILED')) throw error;
      this.#troubles.note('consumer', error);
    }
  }

  async #onBatch(batch: FetchedBatch): Promise<void> {
    const partition = await this.#partitions.find(batch);
    if (partition === undefined || partition.halt !== null) return;
    for (let failures = 0; batch.isWanted(); failures += 1) {
      if (failures > 0) await this.#pause(retryDelayMs(failures));
      try {
        await projectBatch(this.#parts, partition, batch);
        break;
      } catch (error) {
        this.#troubles.note(partition.name, error);
        // Nothing of the batch is applied then, and while it waits for its letters another partition has its place.
        const waits = batch.isWanted() && isCoded(error, 'CQRS_DEAD_LETTER_FAILED');
        if (waits) return this.#partitions.postpone(partition, batch.fetchedOffset);
        // Behind any other failure nobody knows how far it came.
        partition.lease = null;
      }
    }
    this.#troubles.clear(partition.name);
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}
