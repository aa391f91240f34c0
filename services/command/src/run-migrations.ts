import { portFrom, requiredEnv } from '@cqrs/runtime/config.ts';
import { createLogger } from '@cqrs/runtime/logger.ts';
import { migrateUntilDone } from './migrate.ts';
import { createStore } from './store.ts';

/**
 * A program that the operator runs before a write side of the user's own image starts: it brings the schema up to date
 * and exits with 0. A database that does not answer yet is waited for; after the bound it exits with 1, says what was
 * in the way, and Kubernetes runs it again.
 */
const migrateMsMax = 300_000;

const { env } = process;
const logger = createLogger('migrations', env);
try {
  const store = createStore({
    host: requiredEnv(env, 'CQRS_POSTGRES_HOST'),
    port: portFrom(env, 'CQRS_POSTGRES_PORT', 5432),
    database: requiredEnv(env, 'CQRS_POSTGRES_DATABASE'),
    user: requiredEnv(env, 'CQRS_POSTGRES_USER'),
    password: requiredEnv(env, 'CQRS_POSTGRES_PASSWORD'),
  });
  let said = '';
  const applied = await migrateUntilDone(
    store.use,
    (error) => {
      // One line for each reason and not for each try.
      if (error.message !== said) logger.warn({ err: error }, 'Not migrated yet');
      said = error.message;
    },
    AbortSignal.timeout(migrateMsMax),
  );
  await store.close();
  logger.info({ applied }, 'The schema is up to date');
} catch (error) {
  logger.error({ err: error }, 'The schema is not up to date; what was in the way is said above');
  process.exitCode = 1;
}
