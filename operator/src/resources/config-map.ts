import type { KubeObject } from '../kube/object.ts';

export type ConfigMap = KubeObject & { readonly data: Readonly<Record<string, string>> };
