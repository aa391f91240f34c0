import type { CommandConfig } from '@cqrs/contract/config.ts';
import { listenPorts, portFrom, readConfigFile, requiredEnv } from '@cqrs/runtime/config.ts';
import { tokenKeys } from '@cqrs/contract/consistency-token.ts';
import { runUntilSignal } from '@cqrs/runtime/lifecycle.ts';
import { createLogger } from '@cqrs/runtime/logger.ts';
import { startOpsServer } from '@cqrs/runtime/ops-server.ts';
import { createRequestSpans } from '@cqrs/runtime/telemetry/request-spans.ts';
import { startTracing } from '@cqrs/runtime/telemetry/tracing.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { createAdmission } from './admission.ts';
import { compileAggregates } from './aggregate.ts';
import { withAppendSpans } from './append-spans.ts';
import { buildApp } from './app.ts';
import { loadBehaviors, type Behaviors } from './behavior/behavior.ts';
import { createBodyRooms } from './body-rooms.ts';
import { createConsistency } from './consistency.ts';
import { describeCommands } from './describe/descriptions.ts';
import { forgetOldKeys } from './forget-keys.ts';
import { createKeysUnderWay } from './keys-under-way.ts';
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
const tracing = await startTracing('command', env, logger);
const store = createStore({
  host: requiredEnv(env, 'CQRS_POSTGRES_HOST'),
  port: portFrom(env, 'CQRS_POSTGRES_PORT', 5432),
  database: requiredEnv(env, 'CQRS_POSTGRES_DATABASE'),
  user: requiredEnv(env, 'CQRS_POSTGRES_USER'),
  password: requiredEnv(env, 'CQRS_POSTGRES_PASSWORD'),
});
const admission = createAdmission({ runningMax, waitingMax, waitMsMax });
const rooms = createBodyRooms();
let behaviors: Behaviors | undefined;
const metrics = createMetrics(() => [admission, ...(behaviors?.admissions ?? [])], rooms);
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
  status: () => ({
    program: 'command',
    error: obstacle ?? health.error() ?? behaviors?.error() ?? null,
  }),
});

async function serve(): Promise<() => Promise<void>> {
  const config = readConfigFile(env) as CommandConfig;
  const aggregates = compileAggregates(config.aggregates);
  behaviors = loadBehaviors(config.aggregates, logger);
  const app = buildApp({
    aggregates,
    behaviors: behaviors.byAggregate,
    store: withAppendSpans(store, tracing),
    admission,
    rooms,
    keysUnderWay: createKeysUnderWay(),
    consistency: createConsistency(config.service, tokenKeys(env)),
    descriptions: describeCommands(config, behaviors),
    metrics,
    spans: createRequestSpans(tracing),
    logger,
    isStopping: () => stopping.signal.aborted,
    onStore: health.report,
  });
  const applied = await migrateUntilDone(store.use, explain, stopping.signal);
  await behaviors.tried;
  obstacle = null;
  await app.listen({ host: '::', port: ports.http });
  serving = true;
  void forgetOldKeys(store, logger, stopping.signal);
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
  { name: 'behaviors', stop: async () => behaviors?.close() },
  { name: 'Postgres', stop: () => store.close() },
  { name: 'tracing', stop: async () => tracing?.close() },
  { name: 'ops server', stop: () => ops.close() },
]);
