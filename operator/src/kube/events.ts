import { randomBytes } from 'node:crypto';
import type { KubeClient } from './client.ts';
import { microTime, systemClock, type Clock } from './clock.ts';
import { deadline } from './deadline.ts';
import { KubeError } from './errors.ts';
import { silentLogger, type KubeLogger } from './logger.ts';
import { noMetrics, type KubeMetrics } from './metrics.ts';
import { dnsSubdomain } from './names.ts';
import type { KubeObject, ObjectMeta } from './object.ts';
import { builtin } from './resource-type.ts';

type EventLimits = {
  /** Distinct events remembered, those that wait to be sent included. */
  seriesMax: number;
  /** Repeats of one event are written at most this often. */
  seriesWriteMsMin: number;
  /** A repeat after a longer silence is a new event. */
  seriesSilenceMsMax: number;
  /** How long `stop` goes on sending. */
  flushMsMax: number;
};

const eventLimits: EventLimits = {
  seriesMax: 1000,
  seriesWriteMsMin: 30_000,
  // As client-go.
  seriesSilenceMsMax: 6 * 60_000,
  flushMsMax: 2000,
};

export type EventRecorderOptions = {
  client: KubeClient;
  /** A qualified name, such as `example.dev/shop-operator`. */
  reportingController: string;
  /** The pod's name. */
  reportingInstance: string;
  limits?: Partial<EventLimits>;
  metrics?: KubeMetrics;
  logger?: KubeLogger;
  clock?: Clock;
};

/** What happened to an object, for people: `reason` and `action` are short CamelCase words. */
export type EventNote = {
  type: 'Normal' | 'Warning';
  reason: string;
  /** What the controller did or tried. */
  action: string;
  note: string;
  related?: KubeObject;
};

/** Writes events in the background; a failure costs the event and never the caller. */
export type EventRecorder = {
  record(regarding: KubeObject, event: EventNote): void;
  /** Sends what has not been sent yet, for at most `flushMsMax`. */
  stop(): Promise<void>;
};

// The API refuses notes over 1024 bytes; cutting inside a character leaves a replacement character of 3.
const noteBytesMax = 1000;
// Leaves room for the random part in a name of at most 253.
const nameLengthMax = 200;
const sendMsMax = 5000;

type Reference = Pick<ObjectMeta, 'name' | 'namespace' | 'uid'> &
  Pick<KubeObject, 'apiVersion' | 'kind'>;

type Series = {
  body: KubeObject & Readonly<Record<string, unknown>>;
  count: number;
  /** How many of `count` the server knows; 0 until the event is created. */
  written: number;
  lastSeenAtMs: number;
  lastSeenWallMs: number;
  writtenAtMs: number;
};

/** Makes a recorder for events.k8s.io/v1: the same event again raises the count of a series instead of adding one. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #limits: EventLimits;
  readonly #clock: Clock;
  /** Oldest use first. */
  readonly #series = new Map<string, Series>();
  readonly #timers = new Map<string, () => void>();
  readonly #stopping = new AbortController();
  #pending: string[] = [];
  #sending: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#limits = { ...eventLimits, ...options.limits };
    this.#clock = options.clock ?? systemClock;
  }

  record(regarding: KubeObject, event: EventNote): void {
    if (this.#stopping.signal.aborted) return;
    const { metadata, kind } = regarding;
    const { type, reason, action, note } = event;
    const key = JSON.stringify([metadata.uid, kind, metadata.name, type, reason, action, note]);
    const now = this.#clock.now();
    const known = this.#series.get(key);
    const continues = known && now - known.lastSeenAtMs <= this.#limits.seriesSilenceMsMax;
    this.#series.delete(key);
    if (!continues && !this.#hasRoom()) return;
    const wallMs = this.#clock.wallNow();
    const series = continues ? known : newSeries(this.#body(regarding, event, wallMs));
    series.count += 1;
    series.lastSeenAtMs = now;
    series.lastSeenWallMs = wallMs;
    this.#series.set(key, series);
    this.#plan(key, series);
  }

  async stop(): Promise<void> {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    const late = Promise.withResolvers<void>();
    const cancel = this.#clock.schedule(this.#limits.flushMsMax, () => late.resolve());
    await Promise.race([this.#sending, late.promise]);
    cancel();
    this.#stopping.abort();
    this.#pending = [];
    await this.#sending;
  }

  /** Forgets the series that was silent longest; refuses when even that one waits to be sent. */
  #hasRoom(): boolean {
    if (this.#series.size < this.#limits.seriesMax) return true;
    for (const [key, series] of this.#series) {
      if (series.written === 0) break;
      this.#series.delete(key);
      return true;
    }
    this.#drop('full');
    return false;
  }

  #plan(key: string, series: Series): void {
    if (this.#timers.has(key) || this.#pending.includes(key)) return;
    const waitMs = series.writtenAtMs + this.#limits.seriesWriteMsMin - this.#clock.now();
    if (series.written === 0 || waitMs <= 0) {
      this.#enqueue(key);
      return;
    }
    const fire = (): void => {
      this.#timers.delete(key);
      this.#enqueue(key);
    };
    this.#timers.set(key, this.#clock.schedule(waitMs, fire));
  }

  #enqueue(key: string): void {
    this.#pending.push(key);
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
  }

  async #sendAll(): Promise<void> {
    for (let key = this.#pending.shift(); key !== undefined; key = this.#pending.shift()) {
      const series = this.#series.get(key);
      if (series && series.count > series.written) await this.#sendSafely(key, series);
    }
  }

  async #sendSafely(key: string, series: Series): Promise<void> {
    const { count } = series;
    const bound = deadline(this.#stopping.signal, sendMsMax);
    try {
      await this.#send(series, bound.signal);
      series.written = count;
      series.writtenAtMs = this.#clock.now();
    } catch (err) {
      this.#series.delete(key);
      this.#drop(err instanceof KubeError ? err.code : 'unexpected');
      (this.#options.logger ?? silentLogger).warn(
        { err, event: series.body },
        'Event was not sent',
      );
    } finally {
      bound.end();
    }
  }

  async #send(series: Series, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const { body, count, lastSeenWallMs, written } = series;
    if (written === 0) {
      await client.create(builtin.event, body, { signal });
      return;
    }
    const patch = { series: { count, lastObservedTime: microTime(lastSeenWallMs) } };
    try {
      await client.mergePatch(builtin.event, body.metadata, patch, { signal });
    } catch (error) {
      // The server forgets events after an hour; the series then goes on in a new object.
      if (!(error instanceof KubeError) || !error.isNotFound) throw error;
      await client.create(builtin.event, { ...body, ...patch }, { signal });
    }
  }

  #body(regarding: KubeObject, event: EventNote, wallMs: number): Series['body'] {
    const { reportingController, reportingInstance } = this.#options;
    const { type, reason, action, note, related } = event;
    const { name, namespace = 'default' } = regarding.metadata;
    const unique = randomBytes(8).toString('hex');
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: dnsSubdomain([name.slice(0, nameLengthMax), unique]), namespace },
      eventTime: microTime(wallMs),
      reportingController,
      reportingInstance,
      type,
      reason,
      action,
      note: Buffer.from(note).subarray(0, noteBytesMax).toString('utf8'),
      regarding: reference(regarding),
      ...(related && { related: reference(related) }),
    };
  }

  #drop(reason: string): void {
    (this.#options.metrics ?? noMetrics).eventDropped(reason);
  }
}

function newSeries(body: Series['body']): Series {
  return { body, count: 0, written: 0, lastSeenAtMs: 0, lastSeenWallMs: 0, writtenAtMs: 0 };
}

function reference({ apiVersion, kind, metadata }: KubeObject): Reference {
  const { name, namespace, uid } = metadata;
  return {
    apiVersion,
    kind,
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
  };
}
