import type { KubeClient } from './client.ts';
import { microTime, pause, systemClock, type Clock } from './clock.ts';
import { deadline } from './deadline.ts';
import { KubeError } from './errors.ts';
import { contendedBy, expiresInMs, leaseOf, mayTake, type Lease, type Observed } from './lease.ts';
import { silentLogger, type KubeLogger } from './logger.ts';
import { noMetrics, type KubeMetrics } from './metrics.ts';
import { builtin, resourcePath } from './resource-type.ts';

export type LeaderElectorOptions = {
  client: KubeClient;
  namespace: string;
  /** The Lease's name. */
  name: string;
  /** Unique to this process, such as the pod's name and a random part. */
  identity: string;
  /** Called once, when leadership was held and is no longer certain. The process should exit. */
  onLost(cause: KubeError): void;
  /** How long others wait after the last renewal they saw before they take over. */
  leaseDurationMs?: number;
  /** How long a leader goes on without a renewal before it counts itself out; less than `leaseDurationMs`. */
  renewDeadlineMs?: number;
  retryPeriodMs?: number;
  metrics?: KubeMetrics;
  logger?: KubeLogger;
  clock?: Clock;
  random?: () => number;
};

/** One contender for a Lease. It leads at most once. */
export type LeaderElector = {
  start(): void;
  /** Resolves when this process leads; never, if it never does. */
  readonly acquired: Promise<void>;
  isLeader(): boolean;
  /** Ends the contest and releases the Lease, if it was ever claimed and is held, so that another can lead at once. */
  stop(): Promise<void>;
};

// Contenders look at intervals between these parts of the retry period, so that many of them do not look at once.
const jitter = { min: 0.5, max: 1 };
// Of the retry period: contenders that wait for one expiry take their turns within this time.
const expirySpread = 0.1;
const releaseMsMax = 2000;

/**
 * Elects a leader by a Lease as client-go does: a lease is expired when its record was not seen to change for its
 * duration on the local clock, so clocks need not agree, only run equally fast. Unlike client-go's, a contender looks
 * at the very moment of the expiry too, so that a leader that died is followed within the lease and 1.1 retry periods.
 *
 * The Lease alone does not fence: a leader that was suspended longer than it lasts may come round to a write before it
 * comes round to its clock. A client with `mayWrite: () => elector.isLeader()` looks at the clock before every attempt.
 * What the network held back meanwhile may still arrive late, so writes must bear being repeated.
 */
export function createLeaderElector(options: LeaderElectorOptions): LeaderElector {
  const times = {
    leaseDurationMs: options.leaseDurationMs ?? 15_000,
    renewDeadlineMs: options.renewDeadlineMs ?? 10_000,
    retryPeriodMs: options.retryPeriodMs ?? 2000,
  };
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = times;
  if (leaseDurationMs <= renewDeadlineMs || renewDeadlineMs <= retryPeriodMs) {
    const message = `Lease times must fall: lease ${leaseDurationMs} > renew ${renewDeadlineMs} > retry ${retryPeriodMs} ms`;
    throw new KubeError('KUBE_LEASE', message);
  }
  return new Contender(options, times);
}

type Times = { leaseDurationMs: number; renewDeadlineMs: number; retryPeriodMs: number };

class Contender implements LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #times: Times;
  readonly #clock: Clock;
  readonly #logger: KubeLogger;
  readonly #stopping = new AbortController();
  readonly #acquired = Promise.withResolvers<void>();
  #observed: Observed | undefined;
  #renewedAtMs = 0;
  #leads = false;
  /** Whether the Lease may be ours: since a claim was sent, whatever came of it. */
  #hasClaimed = false;
  #running: Promise<void> | undefined;

  constructor(options: LeaderElectorOptions, times: Times) {
    this.#options = options;
    this.#times = times;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
  }

  get acquired(): Promise<void> {
    return this.#acquired.promise;
  }

  /** Also false from the renew deadline on, even if the event loop has not come round to saying so. */
  isLeader(): boolean {
    return this.#leads && this.#leftMs() > 0;
  }

  start(): void {
    this.#options.metrics?.leading(this.#options.name, false);
    this.#running ??= this.#contend();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    if (this.#leads) this.#setLeads(false);
    if (this.#hasClaimed) await this.#release();
    this.#hasClaimed = false;
  }

  async #contend(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted && !(await this.#tryOnce())) {
      await pause(this.#clock, this.#untilNextLookMs(), signal);
    }
    if (signal.aborted) return;
    this.#setLeads(true);
    this.#acquired.resolve();
    await this.#hold();
  }

  #untilNextLookMs(): number {
    const { retryPeriodMs } = this.#times;
    const random = (this.#options.random ?? Math.random)();
    const regularMs = retryPeriodMs * (jitter.min + random * (jitter.max - jitter.min));
    const expiryMs = this.#observed ? expiresInMs(this.#observed, this.#clock.now()) : 0;
    if (expiryMs <= 0) return regularMs;
    return Math.min(regularMs, expiryMs + random * expirySpread * retryPeriodMs);
  }

  async #hold(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await pause(this.#clock, Math.min(this.#times.retryPeriodMs, this.#leftMs()), signal);
      if (signal.aborted) return;
      const taken = this.#leftMs() > 0 && !(await this.#tryOnce()) && this.#isTaken();
      if (signal.aborted) return;
      if (taken || this.#leftMs() <= 0) break;
    }
    this.#setLeads(false);
    const { renewDeadlineMs } = this.#times;
    const why = this.#isTaken() ? 'another holder has it' : `no renewal for ${renewDeadlineMs} ms`;
    this.#options.onLost(new KubeError('KUBE_LEASE', `Leadership lost: ${why}`));
  }

  /** Milliseconds until this process, unrenewed, must no longer lead. */
  #leftMs(): number {
    return this.#renewedAtMs + this.#times.renewDeadlineMs - this.#clock.now();
  }

  #isTaken(): boolean {
    return contendedBy(this.#observed?.lease, this.#options.identity) !== undefined;
  }

  /** Takes or renews the lease; false when it is another's, or when the server cannot be asked. */
  async #tryOnce(): Promise<boolean> {
    const { renewDeadlineMs } = this.#times;
    const bound = deadline(this.#stopping.signal, this.#leads ? this.#leftMs() : renewDeadlineMs);
    // Counted from before the request, because others may see the renewal as soon as it is under way.
    const startedAtMs = this.#clock.now();
    try {
      const written = await this.#takeOrRenew(bound.signal);
      if (written) this.#renewedAtMs = startedAtMs;
      return written;
    } catch (err) {
      // Whatever is remembered of the lease may be outdated, so the next try reads it.
      if (err instanceof KubeError && err.isConflict) this.#observed = undefined;
      this.#logger.warn({ lease: this.#options.name, err }, 'Lease was not renewed');
      return false;
    } finally {
      bound.end();
    }
  }

  async #takeOrRenew(signal: AbortSignal): Promise<boolean> {
    const { client, identity } = this.#options;
    if (!this.#leads || !this.#observed) {
      const found = await this.#read(signal);
      if (!found) {
        const lease = this.#claim(undefined);
        this.#observe(await client.create(builtin.lease, lease, { signal }));
        return true;
      }
      this.#observe(found);
    }
    const now = this.#clock.now();
    if (!this.#observed || !mayTake(this.#observed, identity, now)) return false;
    this.#observe(await this.#replace(this.#claim(this.#observed.lease), signal));
    return true;
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const { client, name, namespace } = this.#options;
    try {
      return await client.get<Lease>(builtin.lease, { name, namespace }, signal);
    } catch (error) {
      if (error instanceof KubeError && error.isNotFound) return undefined;
      throw error;
    }
  }

  /** A PUT, because it fails when the lease changed since it was read. */
  #replace(lease: Lease, signal: AbortSignal): Promise<Lease> {
    const path = resourcePath(builtin.lease, lease.metadata);
    return this.#options.client.request('PUT', path, { body: lease, signal });
  }

  /** The Lease as this process would hold it, which is about to be sent. */
  #claim(previous: Lease | undefined): Lease {
    const { name, namespace, identity } = this.#options;
    const { leaseDurationMs } = this.#times;
    this.#hasClaimed = true;
    const now = microTime(this.#clock.wallNow());
    return leaseOf({ name, namespace }, previous, { identity, leaseDurationMs, now });
  }

  #observe(lease: Lease): void {
    const before = this.#observed?.lease.metadata.resourceVersion;
    if (before === lease.metadata.resourceVersion) return;
    this.#observed = { lease, atMs: this.#clock.now() };
  }

  async #release(): Promise<void> {
    const bound = deadline(undefined, releaseMsMax);
    try {
      // Read again: a claim or a renewal that was cut short by the stop may have been written all the same.
      const held = await this.#read(bound.signal);
      if (!held || contendedBy(held, this.#options.identity) !== undefined) return;
      const spec = { ...held.spec, holderIdentity: '', leaseDurationSeconds: 1 };
      await this.#replace({ ...held, spec }, bound.signal);
    } catch (err) {
      this.#logger.warn({ lease: this.#options.name, err }, 'Lease was not released, it runs out');
    } finally {
      bound.end();
    }
  }

  #setLeads(leads: boolean): void {
    this.#leads = leads;
    const { identity, name, metrics = noMetrics } = this.#options;
    metrics.leading(name, leads);
    this.#logger.info({ lease: name, identity }, leads ? 'Became leader' : 'Stopped leading');
  }
}
