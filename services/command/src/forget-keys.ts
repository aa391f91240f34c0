import type { Logger } from '@cqrs/runtime/logger.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from './store.ts';

/** How long an idempotency key is kept at least. */
const keptHours = 24;
const passDelayMs = 60_000;
const batchRowsMax = 1_000;
const batchesPerPassMax = 500;

/**
 * Removes idempotency keys that are older than they need be, in short statements, until it is told to stop. Replicas do
 * this beside each other: each passes over the rows that another holds.
 */
export async function forgetOldKeys(
  store: Store,
  logger: Logger,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    const forgotten = await forgetOnce(store, stop).catch((error: unknown) => {
      logger.debug({ err: error }, 'Old idempotency keys stay until the next pass');
      return 0;
    });
    if (forgotten > 0) logger.debug({ forgotten }, 'Forgot old idempotency keys');
    await delay(passDelayMs, undefined, { signal: stop }).catch(() => undefined);
  }
}

async function forgetOnce(store: Store, stop: AbortSignal): Promise<number> {
  let forgotten = 0;
  for (let batch = 0; batch < batchesPerPassMax && !stop.aborted; batch += 1) {
    const { count } = await store.use(
      async (sql) => sql`
        delete from cqrs.idempotency where (aggregatetype, key) in (
          select aggregatetype, key from cqrs.idempotency
          where created_at < now() - make_interval(hours => ${keptHours})
          order by created_at limit ${batchRowsMax} for update skip locked
        )`,
    );
    forgotten += count;
    if (count < batchRowsMax) break;
  }
  return forgotten;
}
