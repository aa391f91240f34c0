import { findCondition } from '../../api/v1alpha1/conditions.ts';
import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import type { Applier } from '../../kube/apply.ts';
import type { KubeClient } from '../../kube/client.ts';
import { KubeError } from '../../kube/errors.ts';
import { objectKey, type KubeObject } from '../../kube/object.ts';
import type { Turns } from '../../kube/turns.ts';
import { childCaches, type Cache, type Caches } from './caches.ts';
import { claimOf } from './claim.ts';
import type { Desired } from './desired.ts';
import { isManaged } from './labels.ts';

/** An object that could not be applied, which no retry heals before somebody acts. */
export type Refusal = {
  readonly reason: 'NameTaken' | 'ApplyRefused' | 'Progressing';
  /** What happened, in a sentence. */
  readonly message: string;
};

/** What came of creating and applying all objects. */
export type Applied = {
  readonly refusals: readonly Refusal[];
  /** The answers to what was sent, which the caches show only later. */
  readonly written: readonly KubeObject[];
  /** Whether objects were made, which the caches do not show yet and which bring the next pass when they do. */
  readonly hasMade: boolean;
};

export type ApplyParts = {
  readonly caches: Caches;
  readonly client: KubeClient;
  readonly applier: Applier;
  /** Shared by all passes. */
  readonly turns: Turns;
};

/**
 * Creates and applies the objects, as many at once as there are turns; what the API server or another owner forbids is
 * returned, anything else thrown.
 */
export async function applyDesired(
  service: CqrsService,
  desired: Desired,
  parts: ApplyParts,
  signal: AbortSignal,
): Promise<Applied> {
  const typed = childCaches(parts.caches);
  const outcomes = await Promise.all(
    desired.objects.map(async (object) => {
      const cache = typed.find(({ type }) => type.kind === object.kind);
      if (cache === undefined) throw new TypeError(`No cache holds objects of kind ${object.kind}`);
      const one = { ...parts, cache, signal };
      return parts.turns.take(() => refusalOr(object, () => bring(service, object, one)));
    }),
  );
  return {
    refusals: [
      ...desired.taken.map(nameTaken),
      ...outcomes.flatMap(({ refusal }) => (refusal === undefined ? [] : [refusal])),
    ],
    written: outcomes.flatMap(({ made, changed = made }) =>
      changed === undefined ? [] : [changed],
    ),
    hasMade: outcomes.some(({ made }) => made !== undefined),
  };
}

/** At most one of them; none when there was nothing to send. */
type Outcome = {
  readonly refusal?: Refusal;
  readonly made?: KubeObject;
  readonly changed?: KubeObject;
};

type OneParts = ApplyParts & {
  readonly cache: Cache<KubeObject>;
  readonly signal: AbortSignal;
};

async function bring(service: CqrsService, desired: KubeObject, one: OneParts): Promise<Outcome> {
  const { applier, cache, client, signal } = one;
  const { type } = cache;
  const cached = cache.get(objectKey(desired));
  const seen = cached ?? (isDisputed(service) ? await find(desired, one) : undefined);
  if (seen === undefined) {
    const made = await applier.create(type, desired, signal);
    if (made !== undefined) return { made };
  }
  const live = seen ?? (await client.get(type, desired.metadata, signal));
  switch (claimOf(service, live)) {
    case 'foreign':
      return { refusal: nameTaken(desired) };
    case 'outgoing': {
      // Its deletion is a change that enqueues this CqrsService again.
      const what = `${desired.kind} ${desired.metadata.name}`;
      const message = `${what} of an earlier CqrsService is being deleted.`;
      return { refusal: { reason: 'Progressing', message } };
    }
    case 'ours': {
      // What the cache is yet to show was not known when this pass decided what it should be: the next one is.
      if (cached === undefined && isManaged(live)) return { made: live };
      const { result, object } = await applier.apply(type, desired, live, signal);
      return result === 'skipped' ? {} : { changed: object };
    }
  }
}

function nameTaken({ kind, metadata }: KubeObject): Refusal {
  const message = `${kind} ${metadata.name} exists and was not made by this operator.`;
  return { reason: 'NameTaken', message };
}

// Where a name was taken the last time, a creation would most likely be refused again: that is looked up first.
function isDisputed({ status }: CqrsService): boolean {
  return findCondition(status?.conditions ?? [], 'Stalled')?.reason === 'NameTaken';
}

async function find(
  { metadata }: KubeObject,
  { cache, client, signal }: OneParts,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(cache.type, metadata, signal);
  } catch (error) {
    if (error instanceof KubeError && error.isNotFound) return undefined;
    throw error;
  }
}

async function refusalOr(desired: KubeObject, work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof KubeError) || !isRefusal(error)) throw error;
    const message = `${desired.kind} ${desired.metadata.name} was refused: ${error.message}.`;
    return { refusal: { reason: 'ApplyRefused', message } };
  }
}

/** Quotas, policies, missing rights and immutable fields; the same request would be refused again. */
export function isRefusal(error: KubeError): boolean {
  return error.status === 400 || error.isForbidden || error.isInvalid;
}
