import {
  bodyHash,
  changedByApply,
  isApplied,
  isContained,
  lastWrite,
  noted,
  projection,
} from './applied.ts';
import { claimCreated } from './claim-created.ts';
import type { KubeClient } from './client.ts';
import { KubeError } from './errors.ts';
import { objectKey, type KubeObject } from './object.ts';
import type { ResourceType } from './resource-type.ts';

export type ApplierOptions = {
  client: KubeClient;
  /** One name per writer, such as `shop-operator/stores`: the server tracks its fields by it. */
  fieldManager: string;
  /** The annotation that carries the hash of the last body, and whether it was created, such as `example.dev/applied-hash`. */
  hashAnnotation: string;
};

/** `skipped`: no request was sent. `unchanged`: one was sent and the server found nothing to change. */
type ApplyOutcome = {
  result: 'skipped' | 'created' | 'changed' | 'unchanged';
  /** The answered object, or the live one when nothing was sent. */
  object: KubeObject;
};

type StatusObject = KubeObject & { status?: unknown };

/** The only writer of a controller's objects: server-side apply that sends nothing when nothing would change. */
export type Applier = {
  /**
   * Creates `desired`, which costs the server a third less than to apply it and can never write into an object of
   * somebody else. Undefined: something has that name already.
   */
  create(
    type: ResourceType,
    desired: KubeObject,
    signal?: AbortSignal,
  ): Promise<KubeObject | undefined>;
  /**
   * Applies `desired` whole, taking over its fields. `live` is the informer's object; without one the request is
   * always sent, and the result is `created`. Use only fields that read back (Secret `data`, not `stringData`).
   */
  apply(
    type: ResourceType,
    desired: KubeObject,
    live: KubeObject | undefined,
    signal?: AbortSignal,
  ): Promise<ApplyOutcome>;
  /** Applies the status of an object of which this field manager writes the whole status. */
  applyStatus(
    type: ResourceType,
    desired: KubeObject & { status: unknown },
    live: StatusObject | undefined,
    signal?: AbortSignal,
  ): Promise<ApplyOutcome>;
  /** Lets go of what is remembered of an object that is no longer applied. */
  forget(type: ResourceType, key: string): void;
};

/** What the server made of an applied body: equal hashes mean that nobody has touched it since. */
type Settled = { bodyHash: string; answerHash: string };

/**
 * Makes an applier. `isApplied` judges by containment, which a server that rewrites a value (a default, a duration, a
 * number's form) would fail for ever; so the rewritten form is remembered from the answer and counts as ours too.
 */
export function createApplier(options: ApplierOptions): Applier {
  const { client, fieldManager, hashAnnotation } = options;
  const settled = new Map<string, Settled>();
  const isSettled = (place: string, desired: unknown, live: unknown): boolean => {
    const known = settled.get(place);
    return (
      known?.bodyHash === bodyHash(desired) &&
      known.answerHash === bodyHash(projection(desired, live))
    );
  };
  const settle = (place: string, desired: unknown, answer: unknown): void => {
    if (isContained(desired, answer)) settled.delete(place);
    else {
      const answerHash = bodyHash(projection(desired, answer));
      settled.set(place, { bodyHash: bodyHash(desired), answerHash });
    }
  };

  return {
    async create(type, desired, signal) {
      const body = noted(desired, hashAnnotation, { way: 'create', hash: bodyHash(desired) });
      try {
        const object = await client.create(type, body, { fieldManager, ...(signal && { signal }) });
        settle(placeOf(type, objectKey(desired)), desired, object);
        return object;
      } catch (error) {
        if (error instanceof KubeError && error.isAlreadyExists) return undefined;
        throw error;
      }
    },
    async apply(type, desired, live, signal) {
      const place = placeOf(type, objectKey(desired));
      const hash = bodyHash(desired);
      if (live && isApplied(desired, live, hashAnnotation, hash)) return skip(live);
      const last = live && lastWrite(live, hashAnnotation);
      if (live && last?.hash === hash && isSettled(place, desired, live)) return skip(live);
      const sending = { fieldManager, ...(signal && { signal }) };
      if (live && last?.way !== 'apply') await claimCreated(client, type, live, sending);
      const body = noted(desired, hashAnnotation, { way: 'apply', hash });
      const object = await send({ client, ...sending }, type, body, live);
      settle(place, desired, object);
      return outcome(live, object);
    },
    async applyStatus(type, desired, live, signal) {
      const place = `${placeOf(type, objectKey(desired))}/status`;
      const same = live !== undefined && bodyHash(live.status) === bodyHash(desired.status);
      if (live && (same || isSettled(place, desired.status, live.status))) return skip(live);
      const { apiVersion, kind, metadata, status } = desired;
      const { name, namespace } = metadata;
      const identity = { name, ...(namespace !== undefined && { namespace }) };
      const body = { apiVersion, kind, metadata: identity, status };
      const object = await client.patchStatus<StatusObject>(type, body, {
        fieldManager,
        ...(signal && { signal }),
      });
      settle(place, status, object.status);
      return outcome(live, object);
    },
    forget(type, key) {
      settled.delete(placeOf(type, key));
      settled.delete(`${placeOf(type, key)}/status`);
    },
  };
}

type Sending = {
  readonly client: KubeClient;
  readonly fieldManager: string;
  readonly signal?: AbortSignal;
};

async function send(
  { client, ...sending }: Sending,
  type: ResourceType,
  body: KubeObject,
  live: KubeObject | undefined,
): Promise<KubeObject> {
  try {
    return await client.apply(type, body, sending);
  } catch (error) {
    // An item whose key somebody changed, or a field that may not be beside ours, is theirs, and an apply leaves it there.
    if (!live || !(error instanceof KubeError) || !error.isInvalid) throw error;
    await client.mergePatch(type, live.metadata, body, sending);
    await claimCreated(client, type, live, sending);
    return client.apply(type, body, sending);
  }
}

function skip(live: KubeObject): ApplyOutcome {
  return { result: 'skipped', object: live };
}

function outcome(live: KubeObject | undefined, object: KubeObject): ApplyOutcome {
  if (!live) return { result: 'created', object };
  return { result: changedByApply(live, object) ? 'changed' : 'unchanged', object };
}

function placeOf(type: ResourceType, key: string): string {
  return `${type.group}/${type.plural}/${key}`;
}
