import { systemClock, type Clock } from './clock.ts';
import { KubeError } from './errors.ts';
import { silentLogger, type KubeLogger } from './logger.ts';
import { noMetrics, type KubeMetrics, type KubeVerb } from './metrics.ts';
import type { KubeObject, ObjectRef } from './object.ts';
import type { ClusterAccess } from './plain-config.ts';
import { contentTypes, type Method } from './request-info.ts';
import { clientLimits, Requester, type ClientLimits, type Query } from './requester.ts';
import { resourcePath, type ResourceType } from './resource-type.ts';
import { createTransport } from './transport.ts';

export type ClientOptions = {
  kubeConfig: ClusterAccess;
  metrics?: KubeMetrics;
  logger?: KubeLogger;
  userAgent?: string;
  limits?: Partial<ClientLimits>;
  clock?: Clock;
  /** Fences a leader: asked before anything is sent that would change the cluster; false refuses it (`KUBE_LEASE`). */
  mayWrite?: () => boolean;
};

type RequestOptions = {
  query?: Query;
  body?: unknown;
  contentType?: string;
  /** Default `application/json`. */
  accept?: string;
  signal?: AbortSignal;
};

type ListOptions = {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Objects a page; the answer's `metadata.continue` fetches the next one. */
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  signal?: AbortSignal;
};

export type ObjectList<T> = {
  /** `remainingItemCount`: how many objects a page left out; absent with selectors. */
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  items: T[];
};

/** `force` (default true) takes over fields that another manager owns, as a controller must. */
type ApplyOptions = { fieldManager: string; force?: boolean; signal?: AbortSignal };

/** Without a `fieldManager` the server names the writer after the user agent. */
type CreateOptions = { fieldManager?: string; signal?: AbortSignal };

type PatchOptions = CreateOptions & { subresource?: string };

type JsonPatchOperation =
  { op: 'add' | 'replace' | 'test'; path: string; value: unknown } | { op: 'remove'; path: string };

type DeleteOptions = {
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  /** Deletes only this very object, not a later one of the same name. */
  uid?: string;
  resourceVersion?: string;
  signal?: AbortSignal;
};

/** A client of the Kubernetes API in raw JSON. Every failure is a `KubeError`. */
export type KubeClient = {
  request<T>(method: Method, path: string, options?: RequestOptions): Promise<T>;
  get<T extends KubeObject>(type: ResourceType, ref: ObjectRef, signal?: AbortSignal): Promise<T>;
  /** One page. */
  list<T extends KubeObject>(type: ResourceType, options?: ListOptions): Promise<ObjectList<T>>;
  create<T extends KubeObject>(type: ResourceType, object: T, options?: CreateOptions): Promise<T>;
  /** Server-side apply of the fields in `object`, and only of them. */
  apply<T extends KubeObject>(
    type: ResourceType,
    object: KubeObject,
    options: ApplyOptions,
  ): Promise<T>;
  /** Server-side apply on `/status`; of the object only its identity and `status` count. */
  patchStatus<T extends KubeObject>(
    type: ResourceType,
    object: KubeObject,
    options: ApplyOptions,
  ): Promise<T>;
  /** RFC 7396 merge patch. */
  mergePatch<T extends KubeObject>(
    type: ResourceType,
    ref: ObjectRef,
    patch: unknown,
    options?: PatchOptions,
  ): Promise<T>;
  /** RFC 6902 JSON patch. */
  jsonPatch<T extends KubeObject>(
    type: ResourceType,
    ref: ObjectRef,
    operations: readonly JsonPatchOperation[],
    options?: PatchOptions,
  ): Promise<T>;
  delete(type: ResourceType, ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  /** The raw JSON lines of a watch, until the server ends it or the signal fires (`KUBE_ABORTED`). */
  watch(path: string, query: Query, signal: AbortSignal, accept?: string): AsyncIterable<string>;
  /** All requests sent so far by verb, retries included. */
  requestCounts(): Readonly<Record<KubeVerb, number>>;
  /** The namespace of the kubeconfig's context or of the pod. */
  readonly namespace: string | undefined;
  /** Breaks every connection; requests under way fail with `KUBE_UNREACHABLE`. */
  close(): Promise<void>;
};

/** A client for the kubeconfig's current context; all its requests share one pool of kept-alive connections. */
export function createClient(options: ClientOptions): KubeClient {
  const { kubeConfig, clock = systemClock } = options;
  const transport = createTransport(kubeConfig, clock);
  const requester = new Requester({
    transport,
    clock,
    limits: { ...clientLimits, ...options.limits },
    userAgent: options.userAgent ?? 'kube-runtime-node',
    metrics: options.metrics ?? noMetrics,
    logger: options.logger ?? silentLogger,
    mayWrite: options.mayWrite,
  });
  const request = jsonRequest(requester);

  return {
    request,
    ...objectMethods(request),
    watch: (path, query, signal, accept) =>
      requester.lines({ method: 'GET', path, query, signal, accept }),
    requestCounts: () => requester.counts,
    namespace: kubeConfig.getContextObject(kubeConfig.getCurrentContext())?.namespace,
    close: () => transport.close(),
  };
}

function jsonRequest(requester: Requester): KubeClient['request'] {
  return async (method, path, rest = {}) => {
    const text = await requester.text({ method, path, ...rest });
    try {
      // The caller names the shape it expects; the API server's own validation is what stands behind it.
      return JSON.parse(text);
    } catch (cause) {
      const message = `${method} ${path}: the answer is not JSON`;
      throw new KubeError('KUBE_RESPONSE_INVALID', message, { cause });
    }
  };
}

type ObjectMethods = Pick<
  KubeClient,
  'get' | 'list' | 'create' | 'apply' | 'patchStatus' | 'mergePatch' | 'jsonPatch' | 'delete'
>;

function objectMethods(request: KubeClient['request']): ObjectMethods {
  return {
    get: (type, ref, signal) => request('GET', resourcePath(type, ref), withSignal(signal)),
    list: (type, { namespace, signal, ...query } = {}) =>
      request('GET', resourcePath(type, namespace === undefined ? {} : { namespace }), {
        query,
        ...withSignal(signal),
      }),
    create: (type, object, { fieldManager, signal } = {}) =>
      request('POST', resourcePath(type, placeOf(object, 'collection')), {
        query: { fieldManager },
        body: object,
        ...withSignal(signal),
      }),
    apply: (type, object, options) =>
      request('PATCH', resourcePath(type, placeOf(object)), applying(object, options)),
    patchStatus: (type, object, options) =>
      request(
        'PATCH',
        resourcePath(type, { ...placeOf(object), subresource: 'status' }),
        applying(object, options),
      ),
    mergePatch: (type, ref, body, { fieldManager, signal, ...place } = {}) =>
      request('PATCH', resourcePath(type, { ...ref, ...place }), {
        query: { fieldManager },
        body,
        contentType: contentTypes.mergePatch,
        ...withSignal(signal),
      }),
    jsonPatch: (type, ref, body, { fieldManager, signal, ...place } = {}) =>
      request('PATCH', resourcePath(type, { ...ref, ...place }), {
        query: { fieldManager },
        body,
        contentType: contentTypes.jsonPatch,
        ...withSignal(signal),
      }),
    delete: async (type, ref, options = {}) => {
      const { propagationPolicy, uid, resourceVersion, signal } = options;
      await request('DELETE', resourcePath(type, ref), {
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy,
          preconditions: { uid, resourceVersion },
        },
        ...withSignal(signal),
      });
    },
  };
}

function applying(body: KubeObject, { fieldManager, force, signal }: ApplyOptions): RequestOptions {
  return {
    query: { fieldManager, force: force ?? true },
    body,
    contentType: contentTypes.apply,
    ...withSignal(signal),
  };
}

function placeOf(object: KubeObject, what: 'object' | 'collection' = 'object'): Partial<ObjectRef> {
  const { name, namespace } = object.metadata;
  return {
    ...(what === 'object' && { name }),
    ...(namespace !== undefined && { namespace }),
  };
}

function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
