/** Names the object that an object belongs to, as Kubernetes' garbage collector reads it. */
export type OwnerReference = {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
};

/** The metadata fields the runtime reads; times are RFC 3339 strings, as on the wire. */
export type ObjectMeta = {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  labels?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
  ownerReferences?: readonly OwnerReference[];
  finalizers?: readonly string[];
  creationTimestamp?: string;
  deletionTimestamp?: string;
};

/** Any Kubernetes object as raw JSON; kinds extend it: `KubeObject & { spec: … }`. */
export type KubeObject = { apiVersion: string; kind: string; metadata: ObjectMeta };

/** A whole object whose further fields are not typed, such as one a builder returns. */
export type Manifest = KubeObject & { readonly [field: string]: unknown };

/** Name and, for namespaced kinds, namespace. */
export type ObjectRef = { name: string; namespace?: string };

/** The queue and cache key of an object: `namespace/name`, or `name` when it has no namespace. */
export function objectKey(object: KubeObject | ObjectRef): string {
  const { name, namespace } = 'metadata' in object ? object.metadata : object;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The reverse of `objectKey`; names hold no slash, so the split is exact. */
export function parseKey(key: string): ObjectRef {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
