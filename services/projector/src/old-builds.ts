import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceIdentity, ViewConfig } from '@cqrs/contract/config.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import { functionNames, withLibrary } from '@cqrs/runtime/read-store/function-library.ts';
import { buildsKey, readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import type { Redis } from 'ioredis';
import { idleBuilds, type BuildSeen, type IdleBuild } from './idle-builds.ts';
import { orStoreFailure } from './read-store-writer.ts';

/** Keys that one step looks at and removes; Redis serves others between steps. */
const keysPerStepMax = 500;
const stepPauseMs = 10;

export type OldBuildsOptions = {
  readonly redis: Redis;
  readonly service: ServiceIdentity;
  readonly views: readonly ViewConfig[];
  readonly logger: Logger;
  readonly lookPeriodMs: number;
  /** For how long this process must have seen a build idle: a rollout may end or be taken back. */
  readonly idleMsMin: number;
};

/**
 * Notes which builds of views this process keeps up, and once those are built removes the others of its service that
 * were idle for a while: nobody keeps them up and no query service listens. Runs until `stop`; whatever fails is tried
 * again, and then nothing that was seen before counts, because readers that lost Redis come back one by one.
 */
export async function tendBuilds(options: OldBuildsOptions, stop: AbortSignal): Promise<void> {
  const { logger, lookPeriodMs } = options;
  let idle: ReadonlyMap<string, IdleBuild> = new Map();
  while (!stop.aborted) {
    try {
      idle = await tendOnce(options, idle, stop);
    } catch (error) {
      idle = new Map();
      if (!stop.aborted) logger.debug({ err: error }, 'Old builds could not be looked after');
    }
    await delay(lookPeriodMs, undefined, { signal: stop }).catch(() => undefined);
  }
}

async function tendOnce(
  options: OldBuildsOptions,
  before: ReadonlyMap<string, IdleBuild>,
  stop: AbortSignal,
): Promise<ReadonlyMap<string, IdleBuild>> {
  const { redis, service, views, logger, idleMsMin } = options;
  const key = buildsKey(service);
  const current = views.map((view) => viewTag(service, view));
  if (current.length > 0) {
    await orStoreFailure(redis.hset(key, new Map(current.map((tag) => [tag, Date.now()]))));
  }
  for (const tag of current) {
    // An earlier build that is wanted again, and whose removal nobody has ended.
    if ((await redis.exists(readStoreKeys(tag).removing)) === 1) await removeKeys(redis, tag, stop);
  }
  if (!(await areBuilt(redis, current))) return new Map();
  const nowMs = performance.now();
  const idle = idleBuilds(before, await seeOthers(redis, key, current), nowMs);
  const [old] = [...idle].filter(([, { sinceMs }]) => nowMs - sinceMs >= idleMsMin);
  if (old === undefined) return idle;
  // One at a look: the removal of a large one takes long, and what was seen of the others is old then.
  const [tag] = old;
  const { positions } = readStoreKeys(tag);
  await withLibrary(redis, () => redis.fcall(functionNames.condemn, 1, positions));
  const removed = await removeKeys(redis, tag, stop);
  await redis.hdel(key, tag);
  logger.info({ build: tag, keys: removed }, 'Removed an earlier build of a view');
  return idle;
}

async function seeOthers(
  redis: Redis,
  key: string,
  current: readonly string[],
): Promise<ReadonlyMap<string, BuildSeen>> {
  const builds = await orStoreFailure(redis.hgetall(key));
  const others = Object.entries(builds).filter(([tag]) => !current.includes(tag));
  const seen = others.map(async ([tag, stamp]): Promise<[string, BuildSeen]> => [
    tag,
    { stamp, isListenedTo: await isListenedTo(redis, tag) },
  ]);
  return new Map(await Promise.all(seen));
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
