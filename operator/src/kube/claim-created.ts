import type { KubeClient } from './client.ts';
import { KubeError } from './errors.ts';
import type { KubeObject, ObjectMeta } from './object.ts';
import type { ResourceType } from './resource-type.ts';

/** Who wrote which fields, as the server keeps it. */
type ManagedFields = {
  readonly manager?: string;
  readonly operation?: 'Apply' | 'Update';
  readonly subresource?: string;
  readonly [field: string]: unknown;
};

type Managed = KubeObject & {
  readonly metadata: ObjectMeta & { readonly managedFields?: readonly ManagedFields[] };
};

/** Each further one means that somebody wrote the object while it was claimed. */
const attemptsMax = 3;

/**
 * Makes an object that `fieldManager` created count as applied by it. The server keeps what was created apart from what
 * is applied later, and a field that an apply leaves out would stay because of its creation. After client-go's csaupgrade:
 * the entry of the creation becomes one of apply. A conflict is thrown when others write the object all the time.
 */
export async function claimCreated(
  client: Pick<KubeClient, 'get' | 'jsonPatch'>,
  type: ResourceType,
  { metadata: ref }: KubeObject,
  { fieldManager, signal }: { readonly fieldManager: string; readonly signal?: AbortSignal },
): Promise<void> {
  const isCreation = ({ manager, operation, subresource }: ManagedFields): boolean =>
    manager === fieldManager && operation === 'Update' && subresource === undefined;
  for (let attempt = 1; ; attempt += 1) {
    const { metadata } = await client.get<Managed>(type, ref, signal);
    const { managedFields = [], resourceVersion } = metadata;
    if (!managedFields.some(isCreation)) return;
    const claimed = managedFields.map((entry) =>
      isCreation(entry) ? { ...entry, operation: 'Apply' } : entry,
    );
    const patch = [
      // A change in between makes this a conflict.
      { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
      { op: 'replace', path: '/metadata/managedFields', value: claimed },
    ] as const;
    try {
      await client.jsonPatch(type, ref, patch, signal && { signal });
      return;
    } catch (error) {
      const isLost = error instanceof KubeError && error.isConflict && attempt < attemptsMax;
      if (!isLost) throw error;
    }
  }
}
