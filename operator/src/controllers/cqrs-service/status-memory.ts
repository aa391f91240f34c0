import type { CqrsService, CqrsServiceStatus } from '../../api/v1alpha1/schema.ts';
import { objectKey, type KubeObject, type ObjectMeta } from '../../kube/object.ts';

export type StatusMemory = {
  /** The object with the newest status that is known of it. */
  newest(cached: CqrsService): CqrsService;
  /** Keeps what the API server answered to the last write. */
  remember(answered: KubeObject & { readonly status?: CqrsServiceStatus }): void;
  forget(key: string): void;
};

type Answer = {
  readonly uid: string | undefined;
  readonly version: bigint;
  readonly status: CqrsServiceStatus | undefined;
};

/**
 * Knows the statuses that this process wrote until the cache shows them too: a pass in between would take the same
 * change for new and tell it twice. Resource versions of one kind are ordered (KEP-5504).
 */
export function createStatusMemory(): StatusMemory {
  const answers = new Map<string, Answer>();
  return {
    newest(cached) {
      const key = objectKey(cached);
      const answered = answers.get(key);
      if (answered === undefined) return cached;
      const { uid, version, status } = answered;
      if (uid === cached.metadata.uid && version > versionOf(cached.metadata)) {
        return status === undefined ? cached : { ...cached, status };
      }
      answers.delete(key);
      return cached;
    },
    remember: ({ metadata, status }) =>
      void answers.set(objectKey(metadata), {
        uid: metadata.uid,
        version: versionOf(metadata),
        status,
      }),
    forget: (key) => void answers.delete(key),
  };
}

function versionOf({ resourceVersion = '0' }: ObjectMeta): bigint {
  return BigInt(resourceVersion);
}
