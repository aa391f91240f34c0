import type { KubeClient, ObjectList } from '../../kube/client.ts';
import type { Clock } from '../../kube/clock.ts';
import { KubeError } from '../../kube/errors.ts';
import type { KubeObject } from '../../kube/object.ts';
import { apiVersionOf, resourcePath, type ResourceType } from '../../kube/resource-type.ts';
import { foreignSelector } from '../../resources/labels.ts';

export type Strangers = {
  /** The object, or only its metadata, that lies where `desired` should and that the caches do not hold. */
  find(
    type: ResourceType,
    desired: KubeObject,
    signal: AbortSignal,
  ): Promise<KubeObject | undefined>;
};

// As long as the services of one namespace take to be made together; somebody else's object that is younger is no more
// overlooked than one that is made between a look by name and the write.
const lookMsMax = 1000;
// A namespace with more than this of one kind is looked at by name.
const objectsMax = 500;

const metadataOnly = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

type Look = ReadonlyMap<string, KubeObject> | 'too many';

/**
 * Looks for objects of others before the first write of ours, because server-side apply would write into them. One
 * request shows all of a kind in a namespace, which is mostly none, and serves every child that is made at that time;
 * a request for each child would double what the creation of a service costs.
 */
export function createStrangers(client: KubeClient, clock: Clock): Strangers {
  const looks = new Map<string, Promise<Look>>();
  const look = (type: ResourceType, namespace: string): Promise<Look> => {
    const path = resourcePath(type, { namespace });
    const known = looks.get(path);
    if (known !== undefined) return known;
    const fresh = list(client, type, path);
    looks.set(path, fresh);
    const forget = (): void => void looks.delete(path);
    clock.schedule(lookMsMax, forget);
    fresh.catch(forget);
    return fresh;
  };
  return {
    async find(type, desired, signal) {
      const { name, namespace = '' } = desired.metadata;
      const seen = await look(type, namespace);
      if (seen !== 'too many') return seen.get(name);
      return byName(client, type, { desired, signal });
    },
  };
}

// Nobody's signal ends it, since several passes wait for it; the client bounds its time.
async function list(client: KubeClient, type: ResourceType, path: string): Promise<Look> {
  // The caches hold everything else.
  const query = { labelSelector: foreignSelector, limit: objectsMax };
  type Page = Omit<ObjectList<KubeObject>, 'items'> & { items: KubeObject[] | null };
  const page = await client.request<Page>('GET', path, {
    query,
    accept: metadataOnly,
  });
  if (page.metadata.continue) return 'too many';
  const { kind } = type;
  const apiVersion = apiVersionOf(type);
  return new Map(
    (page.items ?? []).map(
      ({ metadata }) => [metadata.name, { apiVersion, kind, metadata }] as const,
    ),
  );
}

async function byName(
  client: KubeClient,
  type: ResourceType,
  of: { readonly desired: KubeObject; readonly signal: AbortSignal },
): Promise<KubeObject | undefined> {
  const { name, namespace } = of.desired.metadata;
  const ref = { name, ...(namespace !== undefined && { namespace }) };
  try {
    return await client.get(type, ref, of.signal);
  } catch (error) {
    if (error instanceof KubeError && error.isNotFound) return undefined;
    throw error;
  }
}
