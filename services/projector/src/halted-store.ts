import { randomUUID } from 'node:crypto';
import type { ServiceIdentity, ViewConfig } from '@cqrs/contract/config.ts';
import { functionNames, withLibrary } from '@cqrs/runtime/read-store/function-library.ts';
import { readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import type { Redis } from 'ioredis';
import { parseHaltedKeys, type HaltedKey, type HaltedKeys } from './halted-key.ts';
import { orStoreFailure } from './read-store-writer.ts';

/** What was let go of in one topic-partition. */
export type Retried = {
  /** Where the projector had come to, and where it goes on now, decimal; '' while nothing was ever applied. */
  readonly before: string;
  readonly after: string;
  /** Why the whole partition stood still; '' when it did not. */
  readonly partition: string;
  readonly keys: readonly HaltedKey[];
};

/** How far one topic-partition is and what stands still in it now. */
export type PartitionProgress = {
  readonly offset: string;
  readonly partition: string;
  readonly keys: HaltedKeys;
};

/** What stands still in a view, for the command that retries it. */
export type HaltedStore = {
  /** Lets go of what is halted in a partition (of one key only when given): one atomic step that ends the lease. */
  readonly retry: (topicPartition: string, key?: string) => Promise<Retried>;
  /** The topic-partitions that ever were acquired. */
  readonly topicPartitions: () => Promise<readonly string[]>;
  readonly progress: (topicPartition: string) => Promise<PartitionProgress>;
};

export function createHaltedStore(
  redis: Redis,
  service: ServiceIdentity,
  view: ViewConfig,
): HaltedStore {
  const { positions, halted, haltedKeys } = readStoreKeys(viewTag(service, view));
  return {
    retry: async (topicPartition, key) => {
      const only = key === undefined ? [] : [key];
      const reply = await orStoreFailure(
        withLibrary(redis, () =>
          redis.fcall(functionNames.retry, 1, positions, topicPartition, randomUUID(), ...only),
        ),
      );
      const [before, after, partition, flat] = reply as [string, string, string, string[]];
      return { before, after, partition, keys: [...parseHaltedKeys(flat).values()] };
    },
    topicPartitions: async () => (await orStoreFailure(redis.hkeys(positions))).toSorted(),
    progress: async (topicPartition) => {
      const [position, partition, keys] = await orStoreFailure(
        Promise.all([
          redis.hget(positions, topicPartition),
          redis.hget(halted, topicPartition),
          redis.hgetall(haltedKeys(topicPartition)),
        ]),
      );
      return {
        offset: position?.split(' ')[1] ?? '',
        partition: partition ?? '',
        keys: parseHaltedKeys(Object.entries(keys).flat()),
      };
    },
  };
}
