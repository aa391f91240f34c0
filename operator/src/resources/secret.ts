import type { KubeObject } from '../kube/object.ts';
import type { ChildMeta } from './owner.ts';

export type Secret = KubeObject & {
  readonly type: 'Opaque';
  /** Base64, as on the wire: a Secret of `stringData` would never compare equal to what comes back. */
  readonly data: Readonly<Record<string, string>>;
};

/** A Secret of text values by key. */
export function opaqueSecret(
  metadata: ChildMeta,
  values: Readonly<Record<string, string>>,
): Secret {
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data };
}
