/** What a request does, in RBAC's words. */
export type KubeVerb =
  'get' | 'list' | 'watch' | 'create' | 'update' | 'apply' | 'patch' | 'delete';

type ReconcileOutcome = 'success' | 'requeue_after' | 'error' | 'terminal_error';

/** Where the runtime reports its numbers; the owner maps them to a metrics library. */
export type KubeMetrics = {
  /** Status 0 means no answer came. A watch is reported when its stream opens. */
  requestDone(sample: {
    verb: KubeVerb;
    resource: string;
    status: number;
    durationMs: number;
  }): void;
  requestRetried(sample: { verb: KubeVerb; resource: string; status: number }): void;
  queueDepth(queue: string, depth: number): void;
  /** From the moment a key could first be taken until a worker took it. */
  queueWait(queue: string, waitMs: number): void;
  queueRetry(queue: string): void;
  reconcileDone(controller: string, outcome: ReconcileOutcome, durationMs: number): void;
  workersActive(controller: string, active: number): void;
  workersMax(controller: string, max: number): void;
  informerObjects(resource: string, count: number): void;
  informerRelist(resource: string, reason: string): void;
  informerReconnect(resource: string, reason: string): void;
  eventDropped(reason: string): void;
  leading(name: string, leads: boolean): void;
};

const ignore = (): void => undefined;

export const noMetrics: KubeMetrics = {
  requestDone: ignore,
  requestRetried: ignore,
  queueDepth: ignore,
  queueWait: ignore,
  queueRetry: ignore,
  reconcileDone: ignore,
  workersActive: ignore,
  workersMax: ignore,
  informerObjects: ignore,
  informerRelist: ignore,
  informerReconnect: ignore,
  eventDropped: ignore,
  leading: ignore,
};
