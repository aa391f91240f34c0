import type { KubeObject } from '../../kube/object.ts';

type Name = 'instance' | 'component' | 'managed-by';

/** One of Kubernetes' recommended labels (`app.kubernetes.io/<name>`), which everything we make carries. */
export function labelOf(object: KubeObject, name: Name): string | undefined {
  return object.metadata.labels?.[`app.kubernetes.io/${name}`];
}
