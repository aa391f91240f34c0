import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceIdentity, ViewConfig } from '@cqrs/contract/config.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import { functionNames, withLibrary } from '@cqrs/runtime/read-store/function-library.ts';
import { buildsKey, readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import type { Redis } from 'ioredis';
import { orStoreFailure } from './read-store-writer.ts';
import { unkeptBuilds } from './unkept-builds.ts';

/** Keys that one step looks at and removes; Redis serves others between steps. */
const keysPerStepMax = 500;
const stepPauseMs = 10;

export type OldBuildsOptions = {
  readonly redis: Redis;
  readonly service: ServiceIdentity;
  readonly views: readonly ViewConfig[];
  readonly logger: Logger;
  readonly lookPeriodMs: number;
  /** How long a build that nobody keeps up any more stays, for a rollout to end or to be taken back. */
  readonly keptMsMin: number;
};

/**
 * Notes which builds of views this process keeps up, and once those are built removes the others of its service that
 * nobody has kept up for a while and no query service listens to. Runs until `stop`; whatever fails is tried again.
 */
export async function tendBuilds(options: OldBuildsOptions, stop: AbortSignal): Promise<void> {
  const { logger, lookPeriodMs } = options;
  while (!stop.aborted) {
    try {
      await tendOnce(options, stop);
    } catch (error) {
      if (!stop.aborted) logger.debug({ err: error }, 'Old builds could not be looked after');
    }
    await delay(lookPeriodMs, undefined, { signal: stop }).catch(() => undefined);
  }
}

async function tendOnce(options: OldBuildsOptions, stop: AbortSignal): Promise<void> {
  const { redis, service, views, logger, keptMsMin } = options;
  const key = buildsKey(service);
  const current = views.map((view) => viewTag(service, view));
  const nowMs = Date.now();
  if (current.length > 0) {
    await orStoreFailure(redis.hset(key, new Map(current.map((tag) => [tag, nowMs]))));
  }
  for (const tag of current) {
    // An earlier build that is wanted again, and whose removal nobody has ended.
    if ((await redis.exists(readStoreKeys(tag).removing)) === 1) await removeKeys(redis, tag, stop);
  }
  if (!(await areBuilt(redis, current))) return;
  const builds = await orStoreFailure(redis.hgetall(key));
  for (const tag of unkeptBuilds({ builds, current, nowMs, keptMsMin })) {
    if (await isListenedTo(redis, tag)) continue;
    const { positions } = readStoreKeys(tag);
    await withLibrary(redis, () => redis.fcall(functionNames.condemn, 1, positions));
    const removed = await removeKeys(redis, tag, stop);
    await redis.hdel(key, tag);
    logger.info({ build: tag, keys: removed }, 'Removed an earlier build of a view');
  }
}

async function areBuilt(redis: Redis, tags: readonly string[]): Promise<boolean> {
  if (tags.length === 0) return true;
  const marks = await Promise.all(tags.map((tag) => redis.exists(readStoreKeys(tag).built)));
  return marks.every((there) => there === 1);
}

/** Each query service listens to the changes of the builds that it serves, from its start to its end. */
async function isListenedTo(redis: Redis, tag: string): Promise<boolean> {
  const { changes } = readStoreKeys(tag);
  const [, listeners] = (await redis.call('PUBSUB', 'SHARDNUMSUB', changes)) as [string, number];
  return listeners > 0;
}

/** Removes what a condemned build has left, its mark last. Gives the number of keys. */
async function removeKeys(redis: Redis, tag: string, stop: AbortSignal): Promise<number> {
  const { positions, removing } = readStoreKeys(tag);
  const { remove } = functionNames;
  let cursor = '0';
  let removed = 0;
  do {
    stop.throwIfAborted();
    const [next, found] = await redis.scan(cursor, 'MATCH', `{${tag}}:*`, 'COUNT', keysPerStepMax);
    const keys = found.filter((key) => key !== removing);
    if (keys.length > 0) {
      const call = (): Promise<unknown> => redis.fcall(remove, keys.length + 1, positions, ...keys);
      if ((await withLibrary(redis, call)) === 0) return removed;
      removed += keys.length;
    }
    cursor = next;
    await delay(stepPauseMs, undefined, { signal: stop });
  } while (cursor !== '0');
  await redis.del(removing);
  return removed;
}
