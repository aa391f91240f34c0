import type { Logger } from '@cqrs/runtime/logger.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from './store.ts';

/** What stands between this program and Postgres now. */
export type StoreHealth = {
  /** Told of each failure of Postgres, and with null of each answer. */
  readonly report: (failure: Error | null) => void;
  readonly error: () => string | null;
};

const probeDelayMs = 1_000;

/**
 * Remembers the last failure until Postgres answers again. Without commands nobody would notice that it does, so it is
 * asked now and then while a failure stands, and never otherwise.
 */
export function createStoreHealth(store: Store, logger: Logger, stop: AbortSignal): StoreHealth {
  let failure: Error | null = null;

  const report = (next: Error | null): void => {
    const before = failure;
    failure = next;
    if (next !== null && before === null) {
      logger.warn({ err: next }, 'Postgres is out of reach');
      void probeUntilItAnswers();
    }
    if (next === null && before !== null) logger.info('Postgres answers again');
  };
  const probeUntilItAnswers = async (): Promise<void> => {
    for (;;) {
      await delay(probeDelayMs, undefined, { signal: stop }).catch(() => undefined);
      if (failure === null || stop.aborted) return;
      await store
        .use(async (sql) => sql`select 1`)
        .then(
          () => report(null),
          () => undefined,
        );
    }
  };
  return { report, error: () => failure?.message ?? null };
}
