import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { KubeMetrics } from '../kube/metrics.ts';

const secondsBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

type MetricDefinition = {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
};

/** Every metric of the operator, `/metrics` shows these beside Node's own. Histograms are in seconds. */
export const metricDefinitions = {
  cqrs_operator_kube_requests_total: {
    type: 'counter',
    help: 'Requests sent to the Kubernetes API, retries included; code 0 means no answer came',
    labels: ['verb', 'resource', 'code'],
  },
  cqrs_operator_kube_request_duration_seconds: {
    type: 'histogram',
    help: 'From sending a request to the head of its answer',
    labels: ['verb'],
  },
  cqrs_operator_kube_request_retries_total: {
    type: 'counter',
    help: 'Requests to the Kubernetes API that were sent again',
    labels: ['verb', 'resource', 'code'],
  },
  cqrs_operator_workqueue_depth: {
    type: 'gauge',
    help: 'Keys that wait for a worker',
    labels: ['queue'],
  },
  cqrs_operator_workqueue_wait_seconds: {
    type: 'histogram',
    help: 'From the moment a key could first be taken until a worker took it',
    labels: ['queue'],
  },
  cqrs_operator_workqueue_retries_total: {
    type: 'counter',
    help: 'Keys that were put back after an error',
    labels: ['queue'],
  },
  cqrs_operator_reconcile_total: {
    type: 'counter',
    help: 'Passes over one object by how they ended',
    labels: ['controller', 'result'],
  },
  cqrs_operator_reconcile_duration_seconds: {
    type: 'histogram',
    help: 'Duration of one pass over one object',
    labels: ['controller'],
  },
  cqrs_operator_workers_active: {
    type: 'gauge',
    help: 'Passes under way now',
    labels: ['controller'],
  },
  cqrs_operator_workers_max: {
    type: 'gauge',
    help: 'Passes that may be under way at once',
    labels: ['controller'],
  },
  cqrs_operator_informer_objects: {
    type: 'gauge',
    help: 'Objects in the cache of a kind',
    labels: ['resource'],
  },
  cqrs_operator_informer_relists_total: {
    type: 'counter',
    help: 'Times a kind had to be listed anew',
    labels: ['resource', 'reason'],
  },
  cqrs_operator_informer_reconnects_total: {
    type: 'counter',
    help: 'Times the watch of a kind was opened again',
    labels: ['resource', 'reason'],
  },
  cqrs_operator_events_dropped_total: {
    type: 'counter',
    help: 'Kubernetes Events that could not be recorded',
    labels: ['reason'],
  },
  cqrs_operator_leader: {
    type: 'gauge',
    help: '1 while this replica holds the Lease',
    labels: ['name'],
  },
} as const satisfies Record<`cqrs_operator_${string}`, MetricDefinition>;

type MetricName = keyof typeof metricDefinitions;
type NamesOf<T extends MetricDefinition['type']> = {
  [N in MetricName]: (typeof metricDefinitions)[N]['type'] extends T ? N : never;
}[MetricName];

export type Telemetry = { readonly registry: Registry; readonly kube: KubeMetrics };

/** Makes a registry with every metric of the table, and the adapter through which the runtime fills it. */
export function createTelemetry(): Telemetry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counter = (name: NamesOf<'counter'>): Counter => new Counter(options(name, registry));
  const gauge = (name: NamesOf<'gauge'>): Gauge => new Gauge(options(name, registry));
  const histogram = (name: NamesOf<'histogram'>): Histogram =>
    new Histogram({ ...options(name, registry), buckets: secondsBuckets });

  const requests = counter('cqrs_operator_kube_requests_total');
  const requestSeconds = histogram('cqrs_operator_kube_request_duration_seconds');
  const requestRetries = counter('cqrs_operator_kube_request_retries_total');
  const queueDepth = gauge('cqrs_operator_workqueue_depth');
  const queueWait = histogram('cqrs_operator_workqueue_wait_seconds');
  const queueRetries = counter('cqrs_operator_workqueue_retries_total');
  const reconciles = counter('cqrs_operator_reconcile_total');
  const reconcileSeconds = histogram('cqrs_operator_reconcile_duration_seconds');
  const workersActive = gauge('cqrs_operator_workers_active');
  const workersMax = gauge('cqrs_operator_workers_max');
  const informerObjects = gauge('cqrs_operator_informer_objects');
  const relists = counter('cqrs_operator_informer_relists_total');
  const reconnects = counter('cqrs_operator_informer_reconnects_total');
  const eventsDropped = counter('cqrs_operator_events_dropped_total');
  const leader = gauge('cqrs_operator_leader');

  return {
    registry,
    kube: {
      requestDone({ verb, resource, status, durationMs }) {
        requests.inc({ verb, resource, code: status });
        requestSeconds.observe({ verb }, durationMs / 1000);
      },
      requestRetried: ({ verb, resource, status }) =>
        requestRetries.inc({ verb, resource, code: status }),
      queueDepth: (queue, depth) => queueDepth.set({ queue }, depth),
      queueWait: (queue, waitMs) => queueWait.observe({ queue }, waitMs / 1000),
      queueRetry: (queue) => queueRetries.inc({ queue }),
      reconcileDone(controller, result, durationMs) {
        reconciles.inc({ controller, result });
        reconcileSeconds.observe({ controller }, durationMs / 1000);
      },
      workersActive: (controller, active) => workersActive.set({ controller }, active),
      workersMax: (controller, max) => workersMax.set({ controller }, max),
      informerObjects: (resource, count) => informerObjects.set({ resource }, count),
      informerRelist: (resource, reason) => relists.inc({ resource, reason }),
      informerReconnect: (resource, reason) => reconnects.inc({ resource, reason }),
      eventDropped: (reason) => eventsDropped.inc({ reason }),
      leading: (name, leads) => leader.set({ name }, leads ? 1 : 0),
    },
  };
}

function options(
  name: MetricName,
  registry: Registry,
): { name: string; help: string; labelNames: string[]; registers: Registry[] } {
  const { help, labels } = metricDefinitions[name];
  return { name, help, labelNames: [...labels], registers: [registry] };
}
