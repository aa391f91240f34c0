import type { ResourceAttributes } from './authorization.ts';
import { discoveryDocuments } from './discovery.ts';
import { metricNames, metricsApi, type MetricName } from './served-metrics.ts';

/** What a request asks for. `refused` is answered without looking at who asks. */
export type Route =
  | { readonly kind: 'health' }
  | { readonly kind: 'refused'; readonly status: 404 | 405; readonly message: string }
  | { readonly kind: 'discovery'; readonly document: unknown }
  | ({ readonly kind: 'metric' } & MetricRoute);

/** One metric of one CqrsService. */
export type MetricRoute = {
  readonly namespace: string;
  readonly name: string;
  readonly metric: MetricName;
};

const served = Object.values(metricNames);
const metricPath = new RegExp(
  `^/apis/${metricsApi.group}/${metricsApi.version}/namespaces/([^/]+)/${metricsApi.resource}/([^/]+)/([^/]+)$`,
);

/** The route of a method and a URL (path and query; a label selector says nothing about one object). */
export function routeOf(method: string, url: string): Route {
  const path = url.split('?')[0] ?? '';
  if (path === '/healthz') return { kind: 'health' };
  if (method !== 'GET') {
    return { kind: 'refused', status: 405, message: 'Metrics are read with GET' };
  }
  if (Object.hasOwn(discoveryDocuments, path)) {
    return { kind: 'discovery', document: discoveryDocuments[path] };
  }
  const [, namespace, name, asked] = metricPath.exec(path) ?? [];
  const metric = served.find((known) => known === asked);
  if (namespace === undefined || name === undefined || metric === undefined) {
    const metrics = served.join(' and ');
    const message = `Only ${metrics} of ${metricsApi.resource}/{name} of a namespace are served here`;
    return { kind: 'refused', status: 404, message };
  }
  return { kind: 'metric', namespace, name, metric };
}

/** What the caller must be allowed to do; the API server splits such a path into the same parts. */
export function attributesOf({ namespace, name, metric }: MetricRoute): ResourceAttributes {
  return {
    verb: 'get',
    group: metricsApi.group,
    version: metricsApi.version,
    resource: metricsApi.resource,
    subresource: metric,
    namespace,
    name,
  };
}
