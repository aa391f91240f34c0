import type { MetricRoute } from './routes.ts';
import { metricsApi, type Measured } from './served-metrics.ts';

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
export function metricAnswer({ namespace, name, metric }: MetricRoute, measured: Measured): Answer {
  switch (measured.state) {
    case 'unknown':
      return failure(404, measured.message);
    case 'stale':
      return failure(503, measured.message);
    case 'fresh':
      return {
        status: 200,
        body: {
          kind: 'MetricValueList',
          apiVersion: `${metricsApi.group}/${metricsApi.version}`,
          metadata: {},
          items: [
            {
              describedObject: {
                kind: metricsApi.describedKind,
                apiVersion: metricsApi.describedApiVersion,
                namespace,
                name,
              },
              metric: { name: metric, selector: null },
              timestamp: `${new Date(measured.atMs).toISOString().slice(0, 19)}Z`,
              windowSeconds: measured.windowSeconds,
              value: milliQuantity(measured.value),
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
