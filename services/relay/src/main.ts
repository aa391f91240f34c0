import { listenPorts } from '@cqrs/runtime/config.ts';
import { runUntilSignal } from '@cqrs/runtime/lifecycle.ts';
import { createLogger } from '@cqrs/runtime/logger.ts';
import { startOpsServer } from '@cqrs/runtime/ops-server.ts';
import { startTracing } from '@cqrs/runtime/telemetry/tracing.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { createMetrics } from './metrics.ts';
import { createRelayState } from './relay-state.ts';
import { runRelay } from './relay.ts';
import { kafkaAddress, postgresAddress, relayConfig } from './settings.ts';

/** What Kafka has not acknowledged by then is published again by the next relay. */
const drainMsMax = 15_000;

const { env } = process;
const logger = createLogger('relay', env);
const tracing = await startTracing('relay', env, logger);
const config = relayConfig(env);
const metrics = createMetrics();
const state = createRelayState(metrics, logger);
const stop = new AbortController();

const ops = await startOpsServer({
  port: listenPorts(env).ops,
  registry: metrics.registry,
  isLive: () => true,
  isReady: () => state.status().streaming,
  status: state.status,
});
const running = runRelay(
  {
    config,
    postgres: postgresAddress(env),
    kafka: kafkaAddress(env, config),
    state,
    metrics,
    logger,
    tracing,
  },
  stop.signal,
);

runUntilSignal(logger, [
  {
    name: 'relay',
    stop: async () => {
      stop.abort();
      await Promise.race([running, delay(drainMsMax)]);
    },
  },
  { name: 'tracing', stop: async () => tracing?.close() },
  { name: 'ops server', stop: () => ops.close() },
]);
