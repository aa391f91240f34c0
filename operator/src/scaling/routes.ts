import type { ResourceAttributes } from './authorization.ts';
import { discoveryDocuments } from './discovery.ts';
import { readsMetric } from './reads-metric.ts';

/** What a request asks for. `refused` is answered without looking at who asks. */
export type Route =
  | { readonly kind: 'health' }
  | { readonly kind: 'refused'; readonly status: 404 | 405; readonly message: string }
  | { readonly kind: 'discovery'; readonly document: unknown }
  | { readonly kind: 'metric'; readonly namespace: string; readonly name: string };

const metricPath = new RegExp(
  `^/apis/${readsMetric.group}/${readsMetric.version}/namespaces/([^/]+)/${readsMetric.resource}/([^/]+)/${readsMetric.name}$`,
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
  const [, namespace, name] = metricPath.exec(path) ?? [];
  if (namespace === undefined || name === undefined) {
    const message = `Only ${readsMetric.resource}/{name}/${readsMetric.name} of a namespace is served here`;
    return { kind: 'refused', status: 404, message };
  }
  return { kind: 'metric', namespace, name };
}

/** What the caller must be allowed to do; the API server splits such a path into the same parts. */
export function attributesOf(metric: {
  readonly namespace: string;
  readonly name: string;
}): ResourceAttributes {
  return {
    verb: 'get',
    group: readsMetric.group,
    version: readsMetric.version,
    resource: readsMetric.resource,
    subresource: readsMetric.name,
    namespace: metric.namespace,
    name: metric.name,
  };
}
