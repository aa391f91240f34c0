import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock, type Clock } from './clock.ts';
import { deadline } from './deadline.ts';
import { TerminalError } from './errors.ts';
import type { Informer } from './informer.ts';
import { silentLogger, type KubeLogger } from './logger.ts';
import { noMetrics, type KubeMetrics } from './metrics.ts';
import type { KubeObject } from './object.ts';
import { retryRate, type RetryRate } from './rate-limiter.ts';
import type { Change } from './store.ts';
import { Workqueue } from './workqueue.ts';

/** When to come back without a change or an error; absent: only then. */
export type ReconcileResult = { requeueAfterMs?: number };

type ControllerLimits = RetryRate & {
  /** After this the signal of a pass fires; the pass still holds its key until it returns. */
  reconcileMsMax: number;
  /** How long `stop` waits for passes under way. */
  stopMsMax: number;
};

const controllerLimits: ControllerLimits = {
  ...retryRate,
  reconcileMsMax: 120_000,
  stopMsMax: 30_000,
};

export type ControllerOptions = {
  name: string;
  /** Passes at once, each for another key. */
  concurrency: number;
  /**
   * One full pass for one object, idempotent, from the state as it is now (the object may be gone). What it throws is
   * retried with backoff, except a `TerminalError`.
   */
  reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult>;
  watches: readonly Watch[];
  limits?: Partial<ControllerLimits>;
  metrics?: KubeMetrics;
  logger?: KubeLogger;
  clock?: Clock;
};

export type Controller = {
  /** Waits until every watched cache is whole, then starts the workers with all keys there are. */
  start(): Promise<void>;
  /** Aborts passes under way and waits for them, up to `stopMsMax`. Whatever was left, the next start does. */
  stop(): Promise<void>;
  enqueue(key: string): void;
  enqueueAfter(key: string, delayMs: number): void;
};

/** An informer and the keys that its changes concern. */
export type Watch = {
  readonly synced: Promise<void>;
  /** Hands over the keys of all objects there are, then those of every change; returns the way to unsubscribe. */
  subscribe(enqueue: (key: string) => void): () => void;
};

/** Makes a controller reconcile the keys that `keysOf` reads from each `relevant` change of the informer. */
export function watch<T extends KubeObject>(
  informer: Informer<T>,
  keysOf: (change: Change<T>) => readonly string[],
  relevant: (change: Change<T>) => boolean = () => true,
): Watch {
  return {
    synced: informer.synced,
    subscribe(enqueue) {
      const unsubscribe = informer.onChange((change) => {
        if (relevant(change)) keysOf(change).forEach(enqueue);
      });
      for (const object of informer.list()) {
        keysOf({ type: 'added', object, old: undefined }).forEach(enqueue);
      }
      return unsubscribe;
    },
  };
}

/** How one pass ended; the switch over it in `#finish` is the whole retry policy. */
type Outcome =
  | { kind: 'success' }
  | { kind: 'requeue_after'; delayMs: number }
  | { kind: 'terminal_error'; error: unknown }
  | { kind: 'error'; error: unknown };

/** Runs `reconcile` for keys from watches, never twice at once for one key. Nothing happens before `start`. */
export function createController(options: ControllerOptions): Controller {
  return new Workers(options);
}

class Workers implements Controller {
  readonly #options: ControllerOptions;
  readonly #limits: ControllerLimits;
  readonly #metrics: KubeMetrics;
  readonly #logger: KubeLogger;
  readonly #clock: Clock;
  readonly #queue: Workqueue;
  readonly #stopping = new AbortController();
  #unsubscribes: (() => void)[] = [];
  #running: Promise<unknown> = Promise.resolve();
  #active = 0;
  #lastTurn: Promise<void> = Promise.resolve();

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#limits = { ...controllerLimits, ...options.limits };
    this.#metrics = options.metrics ?? noMetrics;
    this.#logger = options.logger ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
    const { name } = options;
    this.#queue = new Workqueue({
      name,
      clock: this.#clock,
      metrics: this.#metrics,
      rate: this.#limits,
    });
  }

  async start(): Promise<void> {
    const { concurrency, name, watches } = this.#options;
    this.#metrics.workersMax(name, concurrency);
    const synced = Promise.all(watches.map((watched) => watched.synced));
    await Promise.race([synced, once(this.#stopping.signal)]);
    if (this.#stopping.signal.aborted) return;
    this.#unsubscribes = watches.map((watched) => watched.subscribe((key) => this.enqueue(key)));
    this.#running = Promise.all(Array.from({ length: concurrency }, () => this.#work()));
    this.#logger.info({ controller: name, concurrency }, 'Started controller');
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#unsubscribes.forEach((unsubscribe) => unsubscribe());
    this.#queue.shutDown();
    const late = new AbortController();
    const cancel = this.#clock.schedule(this.#limits.stopMsMax, () => late.abort());
    await Promise.race([this.#running, once(late.signal)]);
    cancel();
    const fields = { controller: this.#options.name, unfinished: this.#active };
    this.#logger.info(fields, 'Stopped controller');
  }

  enqueue(key: string): void {
    this.#queue.add(key);
  }

  enqueueAfter(key: string, delayMs: number): void {
    this.#queue.addAfter(key, delayMs);
  }

  async #work(): Promise<void> {
    const { name } = this.#options;
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      await this.#turn();
      const startedAtMs = this.#clock.now();
      this.#metrics.workersActive(name, (this.#active += 1));
      const outcome = await this.#pass(key);
      this.#metrics.workersActive(name, (this.#active -= 1));
      this.#metrics.reconcileDone(name, outcome.kind, this.#clock.now() - startedAtMs);
      this.#finish(key, outcome);
      this.#queue.done(key);
    }
  }

  // Passes that find everything in caches wait for no I/O: without this, a thousand of them would be one long task, in
  // which no probe is answered and no Lease renewed.
  async #turn(): Promise<void> {
    this.#lastTurn = this.#lastTurn.then(() => nextTurn());
    await this.#lastTurn;
  }

  async #pass(key: string): Promise<Outcome> {
    const bound = deadline(this.#stopping.signal, this.#limits.reconcileMsMax);
    try {
      const { requeueAfterMs } = await this.#options.reconcile(key, bound.signal);
      if (requeueAfterMs === undefined) return { kind: 'success' };
      return { kind: 'requeue_after', delayMs: requeueAfterMs };
    } catch (error) {
      return { kind: error instanceof TerminalError ? 'terminal_error' : 'error', error };
    } finally {
      bound.end();
    }
  }

  #finish(key: string, outcome: Outcome): void {
    const fields = { controller: this.#options.name, key };
    switch (outcome.kind) {
      case 'success':
        this.#queue.forget(key);
        return;
      case 'requeue_after':
        this.#queue.forget(key);
        this.#queue.addAfter(key, outcome.delayMs);
        return;
      case 'terminal_error':
        this.#queue.forget(key);
        this.#logger.error({ ...fields, err: outcome.error }, 'Reconcile failed for good');
        return;
      case 'error': {
        if (this.#stopping.signal.aborted) return;
        this.#queue.addRateLimited(key);
        const failures = this.#queue.failures(key);
        this.#logger.warn({ ...fields, failures, err: outcome.error }, 'Reconcile failed, retries');
      }
    }
  }
}

/** Resolves when the signal fires. */
async function once(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
}
