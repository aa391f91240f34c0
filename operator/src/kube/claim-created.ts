import type { KubeClient } from './client.ts';
import { KubeError } from './errors.ts';
import type { KubeObject, ObjectMeta } from './object.ts';
import type { ResourceType } from './resource-type.ts';

/** A set of fields, nested as they are: FieldsV1 of Kubernetes' structured-merge-diff. */
type Fields = { readonly [step: string]: Fields };

/** Who wrote which fields, as the server keeps it. */
type Managed = {
  readonly manager?: string;
  readonly operation?: 'Apply' | 'Update';
  readonly apiVersion?: string;
  readonly subresource?: string;
  readonly fieldsV1?: Fields;
  readonly [field: string]: unknown;
};

type ManagedObject = KubeObject & {
  readonly metadata: ObjectMeta & { readonly managedFields?: readonly Managed[] };
};

/** Each further one means that somebody wrote the object while it was claimed. */
const attemptsMax = 3;

/**
 * Makes what `fieldManager` created or patched count as applied by it. The server keeps that apart from what is applied
 * later, and a field that an apply leaves out would stay because of its creation. A conflict is thrown when others write
 * the object all the time.
 */
export async function claimCreated(
  client: Pick<KubeClient, 'get' | 'jsonPatch'>,
  type: ResourceType,
  { metadata: ref }: KubeObject,
  { fieldManager, signal }: { readonly fieldManager: string; readonly signal?: AbortSignal },
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { metadata } = await client.get<ManagedObject>(type, ref, signal);
    const { managedFields = [], resourceVersion } = metadata;
    const claimed = claimedBy(fieldManager, managedFields);
    if (claimed === undefined) return;
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

/**
 * The entries with those of the manager's updates made its applies, after client-go's csaupgrade; undefined when it has
 * no updates. Entries of one manager and one version of the API become one that owns the fields of both.
 */
export function claimedBy(
  manager: string,
  entries: readonly Managed[],
): readonly Managed[] | undefined {
  const isOurs = (entry: Managed): boolean =>
    entry.manager === manager && entry.subresource === undefined;
  const ours = entries.filter(isOurs);
  if (!ours.some(({ operation }) => operation === 'Update')) return undefined;
  const byVersion = Map.groupBy(ours, ({ apiVersion }) => apiVersion);
  const claimed = [...byVersion.values()].map((same): Managed => {
    const fieldsV1 = same.map((entry) => entry.fieldsV1 ?? {}).reduce(unionOf);
    return { ...same[0], operation: 'Apply', fieldsV1 };
  });
  return [...claimed, ...entries.filter((entry) => !isOurs(entry))];
}

function unionOf(one: Fields, other: Fields): Fields {
  const union: Record<string, Fields> = { ...one };
  for (const [step, fields] of Object.entries(other)) {
    const known = one[step];
    union[step] = known === undefined ? fields : unionOf(known, fields);
  }
  return union;
}
