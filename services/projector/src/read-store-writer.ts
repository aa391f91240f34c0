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
import { applyShape, sourceNumbers } from '@cqrs/runtime/read-store/view-shape.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import type { TopicPartition } from '@cqrs/runtime/kafka/port.ts';
import { parseHaltedKeys, type HaltedKeys } from './halted-key.ts';
import { partitionName } from './owned-partition.ts';
import type { Slice } from './slices.ts';

/** The right to write one topic-partition of a view, until somebody else acquires it. */
export type Lease = {
  readonly id: string;
  /** The next offset to apply, decimal; '' while nothing was ever applied. */
  readonly offset: string;
  readonly haltedKeys: HaltedKeys;
};

export type ApplyOutcome =
  | { readonly kind: 'applied'; readonly taken: number; readonly duplicates: number }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'gap'; readonly offset: string }
  | {
      readonly kind: 'version-gap';
      readonly operationNumber: number;
      readonly knownVersion: string;
    }
  /** The function failed on what an event, or its key in Redis, holds: the same will fail again. */
  | { readonly kind: 'refused'; readonly detail: string };

/** `fenced` and `gap`: the lease is over, or the read store has lost a part of what it had. */
type CatchUp = 'fenced' | 'gap' | 'building' | 'built';

export type ReadStoreWriter = {
  /** Throws CQRS_READ_STORE_FAILED when Redis is set up so that it may lose documents. */
  readonly check: () => Promise<void>;
  /**
   * Takes the partition from whoever holds it. `topicId` is Kafka's id of its topic, undefined when that is not known:
   * with another one than before, what was stored by the old topic's offsets is forgotten, for all of its partitions.
   */
  readonly acquire: (where: TopicPartition, topicId: string | undefined) => Promise<Lease>;
  /** Whether a lease still stands and no position was lost behind it. */
  readonly holds: (topicPartition: string, lease: Lease) => Promise<boolean>;
  /** Notes that a whole partition stands still, for `retry` to find. */
  readonly halt: (topicPartition: string, lease: Lease, reason: string) => Promise<void>;
  /**
   * Notes that a partition has reached the end at which the view counts as built; the view is built once every
   * partition has, of which `counts` says how many each source topic has. May be repeated.
   */
  readonly caughtUp: (
    topicPartition: string,
    lease: Lease,
    counts: ReadonlyMap<string, number>,
  ) => Promise<CatchUp>;
  /** One atomic step: every operation of the slice and the position behind it, or nothing and why. */
  readonly apply: (topicPartition: string, lease: Lease, slice: Slice) => Promise<ApplyOutcome>;
};

/** Errors that a function's own run ends with; what Redis says of itself (no memory, loading, no rights) names no script. */
const functionFailure = /^(?:ERR|WRONGTYPE) .*script: cqrs_apply_/s;
const notTheEvents = /killed|can't run this command/i;

function isRefusal(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return functionFailure.test(error.message) && !notTheEvents.test(error.message);
}

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

/** Answers with CQRS_READ_STORE_FAILED whatever Redis fails with. */
export async function orStoreFailure<T>(answer: Promise<T>): Promise<T> {
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
  const fcall = (name: string, args: readonly string[]): Promise<unknown> =>
    withLibrary(redis, () => redis.fcall(name, 1, positions, ...args));
  const call = (name: string, args: readonly string[]): Promise<unknown> =>
    orStoreFailure(fcall(name, args));

  return {
    check: () => orStoreFailure(assertNoEviction(redis)),
    acquire: async (where, topicId = '') => {
      const id = randomUUID();
      const numbers = sourceNumbers(view, where.topic);
      const args = [partitionName(where), id, topicId, ...numbers];
      const reply = await call(functionNames.acquire, args);
      const [offset, , flat] = reply as [string, string, string[]];
      return { id, offset, haltedKeys: parseHaltedKeys(flat) };
    },
    holds: async (topicPartition, lease) => {
      const stored = await orStoreFailure(redis.hget(positions, topicPartition));
      const [id, offset = ''] = stored?.split(' ') ?? [];
      // An offset beyond the lease's own is an apply whose answer is still under way.
      return id === lease.id && BigInt(offset) >= BigInt(lease.offset);
    },
    apply: async (topicPartition, lease, slice) => {
      const { events, nextOffset, lsn } = slice;
      const halts = events.flatMap((event) => event.halts ?? []);
      const args = [topicPartition, lease.id, lease.offset, nextOffset, lsn, shape];
      args.push(String(halts.length));
      for (const { key, offset, error } of halts) args.push(key, offset, error);
      for (const { operations } of events) {
        for (const operation of operations) args.push(...operation);
      }
      const answer = fcall(functionNames.apply, args).then(
        (reply) => outcomeOf(reply as string[]),
        (error: unknown): ApplyOutcome => {
          if (!isRefusal(error)) throw error;
          return { kind: 'refused', detail: error.message };
        },
      );
      return orStoreFailure(answer);
    },
    halt: async (topicPartition, lease, reason) => {
      await call(functionNames.halt, [topicPartition, lease.id, reason]);
    },
    caughtUp: async (topicPartition, lease, counts) => {
      const topics = [...counts].flatMap(([topic, count]) => [topic, String(count)]);
      const args = [topicPartition, lease.id, lease.offset, ...topics];
      const [answer = ''] = (await call(functionNames.caughtUp, args)) as string[];
      return answer.toLowerCase() as CatchUp;
    },
  };
}
