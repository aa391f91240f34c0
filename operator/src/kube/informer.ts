import type { KubeClient } from './client.ts';
import { systemClock, type Clock } from './clock.ts';
import { silentLogger, type KubeLogger } from './logger.ts';
import { noMetrics, type KubeMetrics } from './metrics.ts';
import type { KubeObject } from './object.ts';
import { Reflector, reflectorLimits, type ReflectorLimits } from './reflector.ts';
import type { ResourceType } from './resource-type.ts';
import { Store, type Change, type Indexers } from './store.ts';

export type InformerOptions<T> = {
  client: KubeClient;
  type: ResourceType;
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Asks for `metadata` alone, where an object's content is of no use or too much. */
  metadataOnly?: boolean;
  indexers?: Indexers<T>;
  /** Shrinks each object before it is kept; it may change its argument. */
  transform?: (object: T) => T;
  limits?: Partial<ReflectorLimits>;
  metrics?: KubeMetrics;
  logger?: KubeLogger;
  clock?: Clock;
  /** In [0, 1); spreads reconnects. */
  random?: () => number;
};

/** A cache of one kind that follows the API server, and tells what changes. Its objects must not be changed. */
export type Informer<T extends KubeObject> = {
  readonly type: ResourceType;
  /** Begins to follow; further calls do nothing. */
  start(): void;
  stop(): Promise<void>;
  /** Resolves when the cache first held the whole collection; never rejects. */
  readonly synced: Promise<void>;
  isSynced(): boolean;
  get(key: string): T | undefined;
  list(): readonly T[];
  byIndex(name: string, value: string): readonly T[];
  /** Calls `handler` for every later change, once the cache shows it; returns the way to unsubscribe. */
  onChange(handler: (change: Change<T>) => void): () => void;
  /**
   * `lastContactAtMs`: when, since the epoch, the server last sent anything (a bookmark a minute at least), or else
   * when it was first asked; 0: not yet.
   * `trouble`: why it is not followed at the moment; undefined while it is.
   */
  health(): { synced: boolean; lastContactAtMs: number; trouble: string | undefined };
};

/** Makes an informer; nothing happens before `start`. Handlers should only enqueue keys; what they throw is logged. */
export function createInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  const { metrics = noMetrics, logger = silentLogger, type } = options;
  const store = new Store<T>(options.indexers);
  const handlers = new Set<(change: Change<T>) => void>();
  const stopping = new AbortController();
  const whole = Promise.withResolvers<void>();
  let isSynced = false;
  let running: Promise<void> | undefined;

  const tell = (changes: readonly Change<T>[]): void => {
    for (const change of changes) {
      for (const handler of handlers) callSafely(handler, change, logger);
    }
    metrics.informerObjects(type.plural, store.size);
  };
  const reflector = new Reflector<T>({
    ...options,
    transform: options.transform ?? ((object) => object),
    limits: { ...reflectorLimits, ...options.limits },
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    metrics,
    logger,
    sink: {
      replace(objects) {
        tell(store.replace(objects));
        isSynced = true;
        whole.resolve();
      },
      upsert: (object) => tell(store.upsert(object)),
      remove: (object) => tell(store.remove(object)),
    },
  });

  return {
    type,
    start: () => void (running ??= reflector.run(stopping.signal)),
    async stop() {
      stopping.abort();
      await running;
    },
    synced: whole.promise,
    isSynced: () => isSynced,
    get: (key) => store.get(key),
    list: () => store.list(),
    byIndex: (name, value) => store.byIndex(name, value),
    onChange(handler) {
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
    health: () => ({
      synced: isSynced,
      lastContactAtMs: reflector.lastContactAtMs,
      trouble: reflector.trouble,
    }),
  };
}

function callSafely<T extends KubeObject>(
  handler: (change: Change<T>) => void,
  change: Change<T>,
  logger: KubeLogger,
): void {
  try {
    handler(change);
  } catch (error) {
    const { kind, metadata } = change.object;
    const { namespace, name } = metadata;
    logger.error({ err: error, kind, namespace, name }, 'Handler of a change failed');
  }
}
