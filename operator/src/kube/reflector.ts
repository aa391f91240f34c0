import { nextBackoffMs, type BackoffLimits } from './backoff.ts';
import type { KubeClient, ObjectList } from './client.ts';
import { pause, type Clock } from './clock.ts';
import { KubeError } from './errors.ts';
import type { KubeLogger } from './logger.ts';
import type { KubeMetrics } from './metrics.ts';
import { objectKey, type KubeObject, type ObjectMeta } from './object.ts';
import type { Query } from './requester.ts';
import { apiVersionOf, resourcePath, type ResourceType } from './resource-type.ts';
import { Watchdog } from './watchdog.ts';
import { parseWatchEvent, type WatchEvent } from './watch-event.ts';

export type ReflectorLimits = BackoffLimits & {
  /** The server is asked to end each watch after a random time in this range, so that load spreads over servers. */
  watchSecondsMin: number;
  watchSecondsMax: number;
  /** Bookmarks come every minute; a watch that is silent for longer is dead. */
  watchSilenceMsMax: number;
  /** A watch that ended sooner without an event counts as a failure, so that it cannot spin. */
  watchMsMin: number;
  pageObjectsMax: number;
  retryAfterMsMax: number;
};

export const reflectorLimits: ReflectorLimits = {
  watchSecondsMin: 300,
  watchSecondsMax: 600,
  watchSilenceMsMax: 120_000,
  watchMsMin: 1000,
  pageObjectsMax: 500,
  retryAfterMsMax: 30_000,
  delayMsMin: 200,
  // Low against client-go's 30 s: a refused connection costs little, a controller that is deaf costs reaction time.
  delayMsMax: 5000,
};

/** Go writes an empty list as null; the API server does so in lists of metadata alone. */
type Page<T> = Omit<ObjectList<T>, 'items'> & { items: T[] | null };

/** Where a reflector puts what it learns. */
type ReflectorSink<T> = {
  replace(objects: readonly T[]): void;
  upsert(object: T): void;
  remove(object: T): void;
};

export type ReflectorOptions<T> = {
  client: KubeClient;
  type: ResourceType;
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  metadataOnly?: boolean | undefined;
  transform: (object: T) => T;
  sink: ReflectorSink<T>;
  limits: ReflectorLimits;
  clock: Clock;
  random: () => number;
  metrics: KubeMetrics;
  logger: KubeLogger;
};

/**
 * Keeps a sink equal to a collection on the API server, for as long as `run` runs: the initial state and the changes
 * come on one stream where the server can (WatchList, KEP-3157), else by paginated lists and a watch. After
 * client-go's reflector: a watch resumes at the last resource version; 410 starts over; any failure is retried for ever.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #path: string;
  #resourceVersion: string | undefined;
  /** Whether a start takes the collection from the stream: `next time` only after one that lists it. */
  #fromStream: 'always' | 'next time' | 'never' = 'always';
  #backoffMs = 0;
  #lastContactAtMs = 0;
  #trouble: string | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    const { namespace, type } = options;
    this.#path = resourcePath(type, namespace === undefined ? {} : { namespace });
  }

  /** When the server last sent anything, or else when `run` began, in milliseconds since the epoch; 0 before that. */
  get lastContactAtMs(): number {
    return this.#lastContactAtMs;
  }

  /** Why the server is not followed at the moment; undefined while it is. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#lastContactAtMs = this.#options.clock.wallNow();
    while (!signal.aborted) {
      try {
        const starts = this.#resourceVersion === undefined;
        const streams = this.#fromStream === 'always';
        if (starts && !streams) await this.#list(signal);
        await this.#watch(signal, starts && streams);
      } catch (error) {
        if (!signal.aborted) await this.#recover(asKubeError(error), signal);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { pageObjectsMax } = this.#options.limits;
    const objects: T[] = [];
    let query: Query = { ...this.#selectors(), limit: pageObjectsMax };
    for (;;) {
      const page = await this.#page(query, signal);
      this.#heard();
      objects.push(...(page.items ?? []).map((object) => this.#clean(object)));
      const { continue: next, resourceVersion } = page.metadata;
      if (!next) {
        this.#options.sink.replace(objects);
        this.#resourceVersion = resourceVersion;
        if (this.#fromStream === 'next time') this.#fromStream = 'always';
        return;
      }
      query = { ...query, continue: next };
    }
  }

  #page(query: Query, signal: AbortSignal): Promise<Page<T>> {
    return this.#options.client.request('GET', this.#path, {
      query,
      signal,
      ...(this.#options.metadataOnly && { accept: metadataOf('PartialObjectMetadataList') }),
    });
  }

  /** Follows one watch to its end. With `starts`, its first events are the collection itself. */
  async #watch(signal: AbortSignal, starts: boolean): Promise<void> {
    const { client, clock, limits, metadataOnly } = this.#options;
    const startedAtMs = clock.now();
    const stream = new AbortController();
    const endStream = (): void => stream.abort();
    const watchdog = new Watchdog(clock, limits.watchSilenceMsMax, endStream);
    signal.addEventListener('abort', endStream);
    let events = 0;
    let reading = starts ? new Map<string, T>() : undefined;
    try {
      const accept = metadataOnly ? metadataOf('PartialObjectMetadata') : undefined;
      const query = this.#watchQuery(starts);
      for await (const line of client.watch(this.#path, query, stream.signal, accept)) {
        watchdog.touch();
        this.#heard();
        this.#backoffMs = 0;
        events += 1;
        reading = this.#take(parseWatchEvent<T>(line), reading);
      }
    } catch (error) {
      if (!stream.signal.aborted || signal.aborted) throw error;
      throw watchError('Silent', `Watch was silent for ${limits.watchSilenceMsMax} ms`, error);
    } finally {
      watchdog.stop();
      signal.removeEventListener('abort', endStream);
    }
    if (reading) throw watchError(noInitialState, 'Watch ended before its initial state was whole');
    if (events === 0 && clock.now() - startedAtMs < limits.watchMsMin) {
      throw watchError('Short', 'Watch ended at once, without an event');
    }
  }

  #heard(): void {
    this.#lastContactAtMs = this.#options.clock.wallNow();
    this.#trouble = undefined;
  }

  /** Takes one event in; returns the initial state as far as it is read, or undefined once that is whole. */
  #take(event: WatchEvent<T>, reading: Map<string, T> | undefined): Map<string, T> | undefined {
    const { sink } = this.#options;
    if (event.type === 'BOOKMARK') {
      const whole = reading !== undefined && event.endsInitialEvents;
      if (whole) sink.replace([...reading.values()]);
      if (reading && !whole) return reading;
      this.#resourceVersion = event.resourceVersion;
      return undefined;
    }
    const object = this.#clean(event.object);
    if (reading) {
      if (event.type === 'DELETED') reading.delete(objectKey(object));
      else reading.set(objectKey(object), object);
      return reading;
    }
    if (event.type === 'DELETED') sink.remove(object);
    else sink.upsert(object);
    this.#resourceVersion = object.metadata.resourceVersion;
    return undefined;
  }

  async #recover(error: KubeError, signal: AbortSignal): Promise<void> {
    const { clock, limits, logger, metrics, random, type } = this.#options;
    const reason = error.reason || error.code;
    this.#trouble = error.message;
    const fields = { resource: type.plural, reason, err: error };
    const broken = this.#resourceVersion === undefined && this.#fromStream === 'always';
    if (broken && (refusesWatchList(error) || error.reason === noInitialState)) {
      // A server that goes down ends the stream early too, so that alone is no reason to give it up.
      this.#fromStream = refusesWatchList(error) ? 'never' : 'next time';
      logger.info(fields, 'Server streams no initial state, lists instead');
      return;
    }
    if (error.isGone || isTooLargeResourceVersion(error)) {
      this.#resourceVersion = undefined;
      metrics.informerRelist(type.plural, reason);
      logger.info(fields, 'Resource version is no longer served, starts over');
    } else {
      metrics.informerReconnect(type.plural, reason);
      logger.warn(fields, 'Watch broke, reconnects');
    }
    this.#backoffMs = nextBackoffMs(this.#backoffMs, limits, random());
    const askedMs = Math.min(error.retryAfterMs, limits.retryAfterMsMax);
    await pause(clock, Math.max(this.#backoffMs, askedMs), signal);
  }

  #selectors(): Query {
    const { fieldSelector, labelSelector } = this.#options;
    return { fieldSelector, labelSelector };
  }

  #watchQuery(starts: boolean): Query {
    const { limits, random } = this.#options;
    const { watchSecondsMin, watchSecondsMax } = limits;
    const common: Query = {
      ...this.#selectors(),
      watch: true,
      allowWatchBookmarks: true,
      timeoutSeconds: Math.floor(watchSecondsMin + random() * (watchSecondsMax - watchSecondsMin)),
    };
    return starts
      ? { ...common, sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
      : { ...common, resourceVersion: this.#resourceVersion };
  }

  /** Lists leave out apiVersion and kind of their items; managedFields often outweigh the object itself. */
  #clean(object: T): T {
    const { metadataOnly, type, transform } = this.#options;
    if (metadataOnly) Object.assign(object, { apiVersion: undefined, kind: undefined });
    object.apiVersion ??= apiVersionOf(type);
    object.kind ??= type.kind;
    object.metadata = withoutManagers(object.metadata);
    return transform(object);
  }
}

// A copy, because `delete` would turn the object into a hash table, which takes twice the memory.
function withoutManagers(metadata: ObjectMeta & { managedFields?: unknown }): ObjectMeta {
  const { managedFields: _managedFields, ...rest } = metadata;
  return rest;
}

function metadataOf(kind: 'PartialObjectMetadata' | 'PartialObjectMetadataList'): string {
  return `application/json;as=${kind};g=meta.k8s.io;v=v1`;
}

const noInitialState = 'NoInitialState';

// As servers without the feature do.
function refusesWatchList({ code, status }: KubeError): boolean {
  return code === 'KUBE_STATUS' && (status === 400 || status === 422);
}

// After a restore from backup the server's versions can lie behind ours; it answers 504 and names this cause.
function isTooLargeResourceVersion(error: KubeError): boolean {
  return error.status === 504 && JSON.stringify(error.details ?? {}).includes('TooLarge');
}

function watchError(reason: string, message: string, cause?: unknown): KubeError {
  return new KubeError('KUBE_WATCH', message, { reason, cause });
}

function asKubeError(error: unknown): KubeError {
  if (error instanceof KubeError) return error;
  return watchError('Unexpected', `Watch failed unexpectedly: ${String(error)}`, error);
}
