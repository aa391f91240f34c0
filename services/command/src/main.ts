import type { CommandConfig } from '@cqrs/contract/config.ts';
import { listenPorts, portFrom, readConfigFile, requiredEnv } from '@cqrs/runtime/config.ts';
import { runUntilSignal } from '@cqrs/runtime/lifecycle.ts';
import { createLogger } from '@cqrs/runtime/logger.ts';
import { startOpsServer } from '@cqrs/runtime/ops-server.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { createAdmission } from './admission.ts';
import { compileAggregates } from './aggregate.ts';
import { buildApp } from './app.ts';
import { createMetrics } from './metrics.ts';
import { migrateUntilDone } from './migrate.ts';
import { createStoreHealth } from './store-health.ts';
import { createStore } from './store.ts';

const runningMax = 128;
const waitingMax = 512;
const waitMsMax = 2_000;
/** Kubernetes needs a moment to take a stopping pod out of its Service; until then requests still arrive. */
const endpointRemovalMs = 2_000;

const { env } = process;
const logger = createLogger('command', env);
const ports = listenPorts(env);
const store = createStore({
  host: requiredEnv(env, 'CQRS_POSTGRES_HOST'),
  port: portFrom(env, 'CQRS_POSTGRES_PORT', 5432),
  database: requiredEnv(env, 'CQRS_POSTGRES_DATABASE'),
  user: requiredEnv(env, 'CQRS_POSTGRES_USER'),
  password: requiredEnv(env, 'CQRS_POSTGRES_PASSWORD'),
});
const admission = createAdmission({ runningMax, waitingMax, waitMsMax });
const metrics = createMetrics(admission);
const stopping = new AbortController();
const health = createStoreHealth(store, logger, stopping.signal);
let serving = false;
/** Why this program does not serve yet, or never will with this configuration. */
let obstacle: string | null = null;

function explain(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  // A migration is tried for as long as it takes; its log has a line for each reason and not for each try.
  if (message !== obstacle) logger.warn({ err: error }, 'Not serving commands');
  obstacle = message;
}

const ops = await startOpsServer({
  port: ports.ops,
  registry: metrics.registry,
  isLive: () => true,
  // Postgres being down is no reason to leave the Service: this replica can answer with a 503 that says why.
  isReady: () => serving && !stopping.signal.aborted,
  status: () => ({ program: 'command', error: obstacle ?? health.error() }),
});

async function serve(): Promise<() => Promise<void>> {
  const config = readConfigFile(env) as CommandConfig;
  const app = buildApp({
    aggregates: compileAggregates(config.aggregates),
    store,
    admission,
    metrics,
    logger,
    isStopping: () => stopping.signal.aborted,
    onStore: health.report,
  });
  const applied = await migrateUntilDone(store.use, explain, stopping.signal);
  obstacle = null;
  await app.listen({ host: '::', port: ports.http });
  serving = true;
  logger.info({ applied, aggregates: config.aggregates.length, ...ports }, 'Serving commands');
  return () => app.close();
}

const served = serve().catch((error: unknown) => {
  // A wrong schema is shown in the status and waits for its correction: restarting would not change it.
  if (!stopping.signal.aborted) explain(error);
  return async () => undefined;
});

runUntilSignal(logger, [
  {
    name: 'drain',
    stop: async () => {
      stopping.abort();
      if (serving) await delay(endpointRemovalMs);
    },
  },
  { name: 'http server', stop: async () => (await served)() },
  { name: 'Postgres', stop: () => store.close() },
  { name: 'ops server', stop: () => ops.close() },
]);
