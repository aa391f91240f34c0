import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import type { Applier } from '../../kube/apply.ts';
import { KubeError } from '../../kube/errors.ts';
import { objectKey, type KubeObject } from '../../kube/object.ts';
import type { Turns } from '../../kube/turns.ts';
import { childCaches, type Cache, type Caches } from './caches.ts';
import { claimOf } from './claim.ts';
import type { Desired } from './desired.ts';
import type { Strangers } from './strangers.ts';

/** An object that could not be applied, which no retry heals before somebody acts. */
export type Refusal = {
  readonly reason: 'NameTaken' | 'ApplyRefused' | 'Progressing';
  /** What happened, in a sentence. */
  readonly message: string;
};

/** What came of applying all objects. */
export type Applied = {
  readonly refusals: readonly Refusal[];
  /** The answers to what was sent, which the caches show only later. */
  readonly written: readonly KubeObject[];
};

export type ApplyParts = {
  readonly caches: Caches;
  readonly strangers: Strangers;
  readonly applier: Applier;
  /** Shared by all passes. */
  readonly turns: Turns;
};

/**
 * Applies the objects, as many at once as there are turns; what the API server or another owner forbids is returned,
 * anything else thrown.
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
      return parts.turns.take(() => applyOne(service, object, { ...parts, cache }, signal));
    }),
  );
  return {
    refusals: [
      ...desired.taken.map(nameTaken),
      ...outcomes.flatMap(({ refusal }) => (refusal === undefined ? [] : [refusal])),
    ],
    written: outcomes.flatMap(({ written }) => (written === undefined ? [] : [written])),
  };
}

type Outcome = { readonly refusal?: Refusal; readonly written?: KubeObject };

function nameTaken({ kind, metadata }: KubeObject): Refusal {
  const message = `${kind} ${metadata.name} exists and was not made by this operator.`;
  return { reason: 'NameTaken', message };
}

async function applyOne(
  service: CqrsService,
  desired: KubeObject,
  parts: ApplyParts & { readonly cache: Cache<KubeObject> },
  signal: AbortSignal,
): Promise<Outcome> {
  const { applier, cache, strangers } = parts;
  const { type } = cache;
  const cached = cache.get(objectKey(desired));
  const live = cached ?? (await strangers.find(type, desired, signal));
  const what = `${desired.kind} ${desired.metadata.name}`;
  switch (claimOf(service, live)) {
    case 'foreign':
      return { refusal: nameTaken(desired) };
    case 'outgoing':
      // Its deletion is a change that enqueues this CqrsService again.
      return {
        refusal: {
          reason: 'Progressing',
          message: `${what} of an earlier CqrsService is being deleted.`,
        },
      };
    case 'ours':
      break;
  }
  try {
    const { result, object } = await applier.apply(type, desired, live, signal);
    return result === 'skipped' ? {} : { written: object };
  } catch (error) {
    if (!(error instanceof KubeError) || !isRefusal(error)) throw error;
    const message = `${what} was refused: ${error.message}.`;
    return { refusal: { reason: 'ApplyRefused', message } };
  }
}

// Quotas, policies, missing rights and immutable fields; the same request would be refused again.
function isRefusal(error: KubeError): boolean {
  return error.status === 400 || error.isForbidden || error.isInvalid;
}
