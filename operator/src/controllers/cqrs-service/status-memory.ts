import type { CqrsService, CqrsServiceStatus } from '../../api/v1alpha1/schema.ts';
import { objectKey, type KubeObject } from '../../kube/object.ts';

export type StatusMemory = {
  /** The object with the newest status that is known of it. */
  newest(cached: CqrsService): CqrsService;
  /** Keeps what the API server answered to the last write. */
  remember(answered: KubeObject & { readonly status?: CqrsServiceStatus }): void;
  forget(key: string): void;
};

/**
 * Knows the statuses that this process wrote until the cache shows them too: a pass in between would take the same
 * change for new and tell it twice. Resource versions of one kind are ordered (KEP-5504).
 */
export function createStatusMemory(): StatusMemory {
  const answers = new Map<string, KubeObject & { readonly status?: CqrsServiceStatus }>();
  return {
    newest(cached) {
      const answered = answers.get(objectKey(cached));
      if (answered?.metadata.uid !== cached.metadata.uid || !isNewer(answered, cached)) {
        return cached;
      }
      return answered.status === undefined ? cached : { ...cached, status: answered.status };
    },
    remember: (answered) => void answers.set(objectKey(answered), answered),
    forget: (key) => void answers.delete(key),
  };
}

function isNewer(one: KubeObject | undefined, other: KubeObject): one is KubeObject {
  return one !== undefined && versionOf(one) > versionOf(other);
}

function versionOf(object: KubeObject): bigint {
  return BigInt(object.metadata.resourceVersion ?? '0');
}
