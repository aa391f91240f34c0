import { once } from 'node:events';
import { Redis, type RedisOptions } from 'ioredis';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { portFrom, requiredEnv, type Env } from '../config.ts';

const redisPort = 6379;
const connectTimeoutMs = 2_000;
const retryDelayMsMin = 50;
const retryDelayMsMax = 1_000;

export type RedisAddress = Pick<RedisOptions, 'host' | 'port' | 'password'>;

export function redisAddress(env: Env): RedisAddress {
  const password = env['CQRS_REDIS_PASSWORD'];
  return {
    host: requiredEnv(env, 'CQRS_REDIS_HOST'),
    port: portFrom(env, 'CQRS_REDIS_PORT', redisPort),
    ...(password === undefined || password === '' ? {} : { password }),
  };
}

/**
 * A connection that says no at once while Redis is away (no offline queue) instead of letting calls wait, and that
 * comes back by itself. Lost calls are never sent again from here: only their caller knows whether that is right.
 */
export function connectRedis(
  address: RedisAddress,
  options: { readonly name: string; readonly commandTimeoutMs: number },
): Redis {
  return new Redis({
    ...address,
    connectionName: options.name,
    commandTimeout: options.commandTimeoutMs,
    // A peer that vanished without closing would otherwise hold the connection for as long as TCP retries.
    socketTimeout: 2 * options.commandTimeoutMs,
    connectTimeout: connectTimeoutMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // The client would listen to no failure of it, and a rejection that nobody listens to ends the process.
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(retryDelayMsMin * 2 ** (attempt - 1), retryDelayMsMax),
  });
}

/** Resolves once Redis serves this connection, or after `waitMsMax`: a program starts without it all the same. */
export async function readyOrLate(redis: Redis, waitMsMax: number): Promise<void> {
  if (redis.status === 'ready') return;
  await once(redis, 'ready', { signal: AbortSignal.timeout(waitMsMax) }).catch(() => undefined);
}

/**
 * An evicted document or position would be a loss that nobody sees, so a Redis that may evict is refused.
 * Asked through INFO, because managed services forbid CONFIG GET.
 */
export async function assertNoEviction(redis: Redis): Promise<void> {
  const memory = await redis.info('memory');
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
  if (policy === 'noeviction') return;
  throw new CqrsError(
    'CQRS_READ_STORE_FAILED',
    `Redis runs with maxmemory-policy ${policy ?? 'unknown'}, which would drop documents unseen; set maxmemory-policy noeviction.`,
  );
}
