import type { Redis } from 'ioredis';
import { functionNames, withLibrary } from '@cqrs/runtime/read-store/function-library.ts';
import type { Awaited } from './source-aggregate.ts';

/** What keeps a version that a view lacks from coming. */
export type Standing =
  /** Nothing that is known: it is on its way. */
  | { readonly kind: 'moving' }
  /** Its key stands still at this offset of this topic-partition until it is retried. */
  | { readonly kind: 'halted'; readonly topicPartition: string; readonly offset: string }
  /** Its event is a dead letter: only a later one brings the aggregate's state. */
  | { readonly kind: 'dead-lettered' }
  /** A topic-partition of its topic stands still; whether it is the aggregate's is not known. */
  | { readonly kind: 'doubtful'; readonly topicPartition: string };

/** Asks the read store what keeps each of these from coming; `positions` is the key of the view's positions. */
export function askStandings(redis: Redis, positions: string) {
  return async (awaited: readonly Awaited[]): Promise<readonly Standing[]> => {
    const named = awaited.flatMap(({ topic, source, id }) => [topic, source, id]);
    const call = (): Promise<unknown> =>
      redis.call('FCALL_RO', functionNames.standing, 1, positions, ...named);
    const answers = (await withLibrary(redis, call)) as (readonly string[])[];
    return awaited.map(({ version }, place) => standingOf(version, answers[place] ?? []));
  };
}

export function standingOf(
  version: number,
  [kind = '', first = '', second = '']: readonly string[],
): Standing {
  switch (kind) {
    case 'KEY':
      return { kind: 'halted', topicPartition: first, offset: second };
    case 'SKIPPED':
      return version <= Number(first) && version >= Number(second)
        ? { kind: 'dead-lettered' }
        : { kind: 'moving' };
    case 'PARTITION':
      return { kind: 'doubtful', topicPartition: first };
    default:
      return { kind: 'moving' };
  }
}
