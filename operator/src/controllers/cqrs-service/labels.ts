import type { KubeObject } from '../../kube/object.ts';
import { managedBySelector } from '../../resources/labels.ts';

type Name = 'instance' | 'component' | 'managed-by';

/** One of Kubernetes' recommended labels (`app.kubernetes.io/<name>`), which everything we make carries. */
export function labelOf(object: KubeObject, name: Name): string | undefined {
  return object.metadata.labels?.[`app.kubernetes.io/${name}`];
}

/** Whether the object says that this operator made it. */
export function isManaged(object: KubeObject): boolean {
  return managedBySelector === `app.kubernetes.io/managed-by=${labelOf(object, 'managed-by')}`;
}
