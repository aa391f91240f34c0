import type { Clock } from './clock.ts';
import type { KubeMetrics } from './metrics.ts';
import { retryDelayMs, TokenBucket, type RetryRate } from './rate-limiter.ts';

export type WorkqueueOptions = {
  name: string;
  clock: Clock;
  rate: RetryRate;
  metrics: Pick<KubeMetrics, 'queueDepth' | 'queueWait' | 'queueRetry'>;
};

type Delayed = { dueAtMs: number; cancel: () => void };

/**
 * A queue of keys for workers that read the newest state themselves, after client-go's workqueue: a key waits at most
 * once however often it is added; a key that is being worked on is never handed out a second time; and one added
 * meanwhile is handed out again after `done`. Its size is bounded by the number of distinct keys.
 */
export class Workqueue {
  readonly #options: WorkqueueOptions;
  readonly #bucket: TokenBucket;
  /** In order of handing out; a subset of `#dirty`, which also has the keys that wait for `done`. */
  readonly #ready = new Map<string, { sinceMs: number }>();
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  #waiting: ((key: string | undefined) => void)[] = [];
  #closed = false;

  constructor(options: WorkqueueOptions) {
    this.#options = options;
    const { rate, clock } = options;
    this.#bucket = new TokenBucket(rate.retriesPerSecond, rate.retryBurstMax, clock.now());
  }

  /** Keys that could be handed out now. */
  get depth(): number {
    return this.#ready.size;
  }

  add(key: string): void {
    if (this.#closed || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    if (!this.#processing.has(key)) this.#makeReady(key);
  }

  /** Adds the key after a delay; of several delays for one key the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#closed) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const dueAtMs = this.#options.clock.now() + delayMs;
    const planned = this.#delayed.get(key);
    if (planned && planned.dueAtMs <= dueAtMs) return;
    planned?.cancel();
    const cancel = this.#options.clock.schedule(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { dueAtMs, cancel });
  }

  /** Adds the key after a failure: later each time, and not sooner than the overall bucket allows. */
  addRateLimited(key: string): void {
    const { clock, metrics, name, rate } = this.#options;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    metrics.queueRetry(name);
    this.addAfter(key, Math.max(retryDelayMs(failures, rate), this.#bucket.takeMs(clock.now())));
  }

  /** Ends the key's run of failures. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, when there is one; undefined once the queue is shut down. Every key needs a `done`. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const [next] = this.#ready;
    if (next === undefined) return new Promise((resolve) => this.#waiting.push(resolve));
    const [key, { sinceMs }] = next;
    this.#ready.delete(key);
    this.#handOut(key, sinceMs);
    return Promise.resolve(key);
  }

  done(key: string): void {
    this.#processing.delete(key);
    if (this.#dirty.has(key) && !this.#closed) this.#makeReady(key);
  }

  /** Refuses further keys, drops those that wait and releases every waiting taker. */
  shutDown(): void {
    this.#closed = true;
    this.#ready.clear();
    this.#dirty.clear();
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    for (const release of this.#waiting) release(undefined);
    this.#waiting = [];
    this.#reportDepth();
  }

  #makeReady(key: string): void {
    const sinceMs = this.#options.clock.now();
    const taker = this.#waiting.shift();
    if (taker) {
      this.#handOut(key, sinceMs);
      taker(key);
      return;
    }
    this.#ready.set(key, { sinceMs });
    this.#reportDepth();
  }

  #handOut(key: string, sinceMs: number): void {
    this.#dirty.delete(key);
    this.#processing.add(key);
    const { clock, metrics, name } = this.#options;
    metrics.queueWait(name, clock.now() - sinceMs);
    this.#reportDepth();
  }

  #reportDepth(): void {
    this.#options.metrics.queueDepth(this.#options.name, this.#ready.size);
  }
}
