import type { ReadDemand } from './demand.ts';
import { rateWindowMs } from './rate-window.ts';
import { readsMetric } from './reads-metric.ts';

/** One answer of the metrics API: an HTTP status and a JSON body. */
export type Answer = { readonly status: number; readonly body: unknown };

// Kubernetes' machine-readable reasons of a Status (k8s.io/apimachinery meta/v1).
const reasons = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  500: 'InternalError',
  503: 'ServiceUnavailable',
} as const;

/** A failure as Kubernetes' clients read it: the message is what people see in the HPA's conditions. */
export function failure(code: keyof typeof reasons, message: string): Answer {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: reasons[code],
    code,
  };
  return { status: code, body: status };
}

/**
 * The metric of one CqrsService: a MetricValueList of exactly one item (k8s.io/metrics custom_metrics/v1beta2), or a
 * failure when there is no fresh number, because the HPA would take an old one for a new one.
 */
export function metricAnswer(
  described: { readonly namespace: string; readonly name: string },
  demand: ReadDemand,
): Answer {
  switch (demand.state) {
    case 'unknown':
      return failure(404, demand.message);
    case 'stale':
      return failure(503, demand.message);
    case 'fresh':
      return {
        status: 200,
        body: {
          kind: 'MetricValueList',
          apiVersion: `${readsMetric.group}/${readsMetric.version}`,
          metadata: {},
          items: [
            {
              describedObject: {
                kind: readsMetric.describedKind,
                apiVersion: readsMetric.describedApiVersion,
                namespace: described.namespace,
                name: described.name,
              },
              metric: { name: readsMetric.name, selector: null },
              timestamp: `${new Date(demand.atMs).toISOString().slice(0, 19)}Z`,
              windowSeconds: rateWindowMs.fast / 1000,
              value: milliQuantity(demand.readsPerSecond),
            },
          ],
        },
      };
  }
}

// The HPA reckons in thousandths.
function milliQuantity(value: number): string {
  const thousandths = Math.round(value * 1000);
  return thousandths % 1000 === 0 ? String(thousandths / 1000) : `${thousandths}m`;
}
