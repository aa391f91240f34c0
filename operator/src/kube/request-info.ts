import type { KubeVerb } from './metrics.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export const contentTypes = {
  json: 'application/json',
  apply: 'application/apply-patch+yaml',
  mergePatch: 'application/merge-patch+json',
  jsonPatch: 'application/json-patch+json',
} as const;

export type RequestInfo = { verb: KubeVerb; resource: string };

const reads: ReadonlySet<KubeVerb> = new Set(['get', 'list', 'watch']);

/** Whether a request changes the cluster. Reviews (of access, of tokens) are created too, but only answered. */
export function isWrite({ verb, resource }: RequestInfo): boolean {
  return !reads.has(verb) && !resource.endsWith('reviews');
}

/**
 * The verb and the plural a request is about, read from its URL as the API server's own RequestInfo does:
 * `/api/v1/…` and `/apis/<group>/<version>/…`, then `namespaces/<name>` unless that itself is the resource.
 * A path outside those trees has no resource; its first segment stands in for one.
 */
export function requestInfo(method: Method, path: string, contentType?: string): RequestInfo {
  const segments = path.split('/').filter((segment) => segment !== '');
  const [plural, name] = resourceSegments(segments);
  const resource = plural ?? segments[0] ?? '';
  if (method === 'GET') return { verb: name === undefined && plural ? 'list' : 'get', resource };
  if (method === 'PATCH') {
    return { verb: contentType === contentTypes.apply ? 'apply' : 'patch', resource };
  }
  return { verb: ({ POST: 'create', PUT: 'update', DELETE: 'delete' } as const)[method], resource };
}

function resourceSegments(segments: readonly string[]): readonly string[] {
  const prefix = segments[0] === 'api' ? 2 : segments[0] === 'apis' ? 3 : segments.length;
  const rest = segments.slice(prefix);
  return rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest;
}
