import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import { controllerOf } from '../../kube/mapping.ts';
import type { KubeObject } from '../../kube/object.ts';
import { isManaged } from './labels.ts';

/**
 * Whose an object is that lies where one of ours should:
 * - `ours`: nobody's yet, or made by this operator for this CqrsService (or for all of the namespace).
 * - `outgoing`: a child of an earlier CqrsService, or being deleted itself; it makes room by itself.
 * - `foreign`: somebody else's, which is never touched.
 */
export type Claim = 'ours' | 'outgoing' | 'foreign';

export function claimOf(service: CqrsService, live: KubeObject | undefined): Claim {
  if (live === undefined) return 'ours';
  const controller = controllerOf(live);
  if (controller !== undefined && controller.uid !== service.metadata.uid) {
    return controller.kind === service.kind && controller.name === service.metadata.name
      ? 'outgoing'
      : 'foreign';
  }
  if (live.metadata.deletionTimestamp !== undefined) return 'outgoing';
  return isManaged(live) || controller !== undefined ? 'ours' : 'foreign';
}
