import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import { hasCommand } from '../../api/v1alpha1/service-kinds.ts';
import type { KubeClient } from '../../kube/client.ts';
import { KubeError } from '../../kube/errors.ts';
import { objectKey, type KubeObject } from '../../kube/object.ts';
import { builtin } from '../../kube/resource-type.ts';
import { mountedBehaviors } from '../../resources/behavior-files.ts';
import { checksum } from '../../resources/checksum.ts';
import type { Caches } from './caches.ts';

/** The modules of a service that ConfigMaps of the user's hold. */
export type BehaviorsObserved = {
  /** A hash of each by its aggregate, of those that are there. */
  readonly checksums: Readonly<Record<string, string>>;
  /** What is not there, in sentences. */
  readonly missing: readonly string[];
};

export type Behaviors = {
  observe(service: CqrsService, signal: AbortSignal): Promise<BehaviorsObserved>;
};

type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> };

/** A hash of each key, as of one version of a ConfigMap. */
type Known = { readonly version: bigint; readonly checksums: Readonly<Record<string, string>> };

/**
 * Looks into the ConfigMaps that hold behaviors. The cache has only their metadata, so the content is read once for each
 * version; of one that the cache does not hold, only the API server's own word counts.
 */
export function createBehaviors(
  caches: { readonly [Name in 'configMaps' | 'foreignConfigMaps']: Pick<Caches[Name], 'get'> },
  client: Pick<KubeClient, 'get'>,
): Behaviors {
  const known = new Map<string, Known>();

  const checksumsOf = async (
    ref: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ): Promise<Known['checksums'] | undefined> => {
    const key = objectKey(ref);
    const cached = caches.foreignConfigMaps.get(key) ?? caches.configMaps.get(key);
    const before = known.get(key);
    if (cached !== undefined && before !== undefined && versionOf(cached) <= before.version) {
      return before.checksums;
    }
    const live = await readConfigMap(client, ref, signal);
    if (live === undefined) {
      known.delete(key);
      return undefined;
    }
    const hashes = Object.entries(live.data ?? {}).map(
      ([name, text]) => [name, checksum({ [name]: text })] as const,
    );
    const checksums = Object.fromEntries(hashes);
    known.set(key, { version: versionOf(live), checksums });
    return checksums;
  };

  return {
    async observe(service, signal) {
      const checksums: Record<string, string> = {};
      const missing: string[] = [];
      const { namespace } = service.metadata;
      for (const { aggregate, configMap, key } of hasCommand(service)
        ? mountedBehaviors(service)
        : []) {
        const found = await checksumsOf({ namespace, name: configMap }, signal);
        const hash = found?.[key];
        if (hash !== undefined) checksums[aggregate] = hash;
        else missing.push(sentenceOf({ aggregate, configMap, key, isThere: found !== undefined }));
      }
      return { checksums, missing };
    },
  };
}

function sentenceOf(of: {
  readonly aggregate: string;
  readonly configMap: string;
  readonly key: string;
  readonly isThere: boolean;
}): string {
  const whose = `of aggregate ${of.aggregate} is to be in key ${of.key} of ConfigMap ${of.configMap}`;
  return of.isThere
    ? `The behavior ${whose}, which has no such key.`
    : `The behavior ${whose}, which does not exist in this namespace.`;
}

async function readConfigMap(
  client: Pick<KubeClient, 'get'>,
  ref: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<ConfigMap | undefined> {
  try {
    return await client.get<ConfigMap>(builtin.configMap, ref, signal);
  } catch (error) {
    if (error instanceof KubeError && error.isNotFound) return undefined;
    throw error;
  }
}

function versionOf(object: KubeObject): bigint {
  return BigInt(object.metadata.resourceVersion ?? '0');
}
