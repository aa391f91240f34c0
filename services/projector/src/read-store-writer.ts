import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { ServiceIdentity, ViewConfig } from '@cqrs/contract/config.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { assertNoEviction } from '@cqrs/runtime/read-store/connection.ts';
import {
  functionNames,
  withLibrary,
  withoutCommand,
} from '@cqrs/runtime/read-store/function-library.ts';
import { readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { applyShape } from '@cqrs/runtime/read-store/view-shape.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import type { Slice } from './slices.ts';

/** The right to write one topic-partition of a view, until somebody else acquires it. */
export type Lease = {
  readonly id: string;
  /** The next offset to apply, decimal; '' while nothing was ever applied. */
  readonly offset: string;
};

export type ApplyOutcome =
  | { readonly kind: 'applied'; readonly taken: number; readonly duplicates: number }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'gap'; readonly offset: string }
  | {
      readonly kind: 'version-gap';
      readonly operationNumber: number;
      readonly knownVersion: string;
    };

export type ReadStoreWriter = {
  /** Throws CQRS_READ_STORE_FAILED when Redis is set up so that it may lose documents. */
  readonly check: () => Promise<void>;
  readonly acquire: (topicPartition: string) => Promise<Lease>;
  /** Whether a lease still stands and no position was lost behind it. */
  readonly holds: (topicPartition: string, lease: Lease) => Promise<boolean>;
  /** One atomic step: every operation of the slice and the position behind it, or nothing and why. */
  readonly apply: (topicPartition: string, lease: Lease, slice: Slice) => Promise<ApplyOutcome>;
};

function outcomeOf(reply: readonly string[]): ApplyOutcome {
  const [kind = '', first = '', second = ''] = reply;
  switch (kind) {
    case 'APPLIED':
      return { kind: 'applied', taken: Number(first), duplicates: Number(second) };
    case 'FENCED':
      return { kind: 'fenced' };
    case 'GAP':
      return { kind: 'gap', offset: first };
    case 'VERSION_GAP':
      return { kind: 'version-gap', operationNumber: Number(first), knownVersion: second };
    default:
      throw new TypeError(`The function apply answered ${JSON.stringify(reply)}.`);
  }
}

async function orStoreFailure<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    if (cause instanceof CqrsError) throw cause;
    const error = withoutCommand(cause);
    throw new CqrsError(
      'CQRS_READ_STORE_FAILED',
      `Redis does not serve the projector (${error.message}); it tries again by itself, see whether Redis runs and has memory left.`,
      error,
    );
  }
}

export function createReadStoreWriter(
  redis: Redis,
  service: ServiceIdentity,
  view: ViewConfig,
): ReadStoreWriter {
  const { positions } = readStoreKeys(viewTag(service, view));
  const shape = applyShape(view);
  const call = (name: string, args: readonly string[]): Promise<string[]> =>
    orStoreFailure(
      withLibrary(redis, () => redis.fcall(name, 1, positions, ...args)) as Promise<string[]>,
    );

  return {
    check: () => orStoreFailure(assertNoEviction(redis)),
    acquire: async (topicPartition) => {
      const id = randomUUID();
      const [offset = ''] = await call(functionNames.acquire, [topicPartition, id]);
      return { id, offset };
    },
    holds: async (topicPartition, lease) => {
      const stored = await orStoreFailure(redis.hget(positions, topicPartition));
      const [id, offset = ''] = stored?.split(' ') ?? [];
      // An offset beyond the lease's own is an apply whose answer is still under way.
      return id === lease.id && BigInt(offset) >= BigInt(lease.offset);
    },
    apply: async (topicPartition, lease, slice) => {
      const { events, nextOffset, lsn } = slice;
      const operations = events.flatMap((event) => event.operations.flat());
      const position = [topicPartition, lease.id, lease.offset, nextOffset, lsn, shape];
      return outcomeOf(await call(functionNames.apply, [...position, ...operations]));
    },
  };
}
