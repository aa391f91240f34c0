import { setTimeout as delay } from 'node:timers/promises';
import { CqrsError } from '@cqrs/contract/errors.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import { applyBatch } from './apply-batch.ts';
import type { FetchedBatch, KafkaSource } from './kafka-source.ts';
import { countApplied, type ProjectorMetrics } from './metrics.ts';
import { noteApplied, noteHighWatermark, type OwnedPartition } from './owned-partition.ts';
import { PartitionSet } from './partition-set.ts';
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
  readonly kafka: KafkaSource;
  readonly writer: ReadStoreWriter;
  readonly metrics: ProjectorMetrics;
  readonly logger: Logger;
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
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: ProjectorOptions) {
    const { view } = options.projection;
    this.#options = options;
    this.#view = view.name;
    this.#troubles = createTroubles(options.logger);
    this.#partitions = new PartitionSet({ ...options, view, troubles: this.#troubles });
    this.#running = this.#run();
  }

  progress(): ViewProgress {
    const [partitions, troubles] = [this.#partitions.list(), this.#troubles.list()];
    return { view: this.#view, partitions, troubles };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
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
      if (!(error instanceof CqrsError) || error.code !== 'CQRS_READ_STORE_FAILED') throw error;
      this.#troubles.note('consumer', error);
    }
  }

  async #onBatch(batch: FetchedBatch): Promise<void> {
    const partition = await this.#partitions.find(batch);
    if (partition === undefined || partition.halt !== null) return;
    try {
      for (let failures = 0; batch.isWanted(); failures += 1) {
        if (failures > 0) await this.#pause(retryDelayMs(failures));
        await batch.heartbeat();
        try {
          return await this.#project(partition, batch);
        } catch (error) {
          partition.lease = null;
          this.#troubles.note(partition.name, error);
        }
      }
    } finally {
      this.#troubles.clear(partition.name);
    }
  }

  /** Applies a batch; or leaves it, and seeks to where the partition really goes on, or halts the partition. */
  async #project(partition: OwnedPartition, batch: FetchedBatch): Promise<void> {
    const { lease, next, name } = partition;
    if (lease === null || next !== batch.fetchedOffset) return this.#partitions.take([partition]);
    const { metrics } = this.#options;
    const observeDuration = metrics.batchSeconds.startTimer({ view: this.#view });
    const outcome = await applyBatch({ ...this.#options, name, lease }, batch);
    if (outcome.kind === 'lost') return this.#partitions.take([partition]);
    if (outcome.kind === 'halted') return this.#partitions.halt(partition, outcome.halt);
    noteApplied(partition, { ...outcome, next: batch.nextOffset });
    noteHighWatermark(partition, batch.highWatermark, Date.now());
    batch.resolve();
    observeDuration();
    countApplied(metrics, this.#view, { ...outcome, nowMs: Date.now() });
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}
