import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { QueryConfig } from '@cqrs/contract/config.ts';
import { tokenKeys } from '@cqrs/contract/consistency-token.ts';
import { listenPorts, readConfigFile } from '@cqrs/runtime/config.ts';
import { runUntilSignal } from '@cqrs/runtime/lifecycle.ts';
import { createLogger } from '@cqrs/runtime/logger.ts';
import { startOpsServer } from '@cqrs/runtime/ops-server.ts';
import { connectRedis, readyOrLate, redisAddress } from '@cqrs/runtime/read-store/connection.ts';
import { createRequestSpans } from '@cqrs/runtime/telemetry/request-spans.ts';
import { startTracing } from '@cqrs/runtime/telemetry/tracing.ts';
import { closeApp, createApp } from './app.ts';
import { createChanges } from './changes.ts';
import { Compressor } from './compressor.ts';
import { WaitingRoom } from './consistency/waiting-room.ts';
import { describeQueries } from './describe/description.ts';
import { createMetrics } from './metrics.ts';
import { createQueryStatus } from './query-status.ts';
import { createReadCounts } from './read-counts.ts';
import { ReadGate } from './read-gate.ts';
import { createReadStoreReader } from './read-store-reader.ts';
import { LiveStates } from './streams/live-states.ts';
import { heartbeatMs, StreamRoom } from './streams/stream-room.ts';
import { UnreadAnswers } from './unread-answers.ts';

const redisCommandMsMax = 1_000;
const redisWaitMsMax = 2_000;
const documentsPendingMax = 1_024;
/** A list costs Redis what many documents cost. */
const listsPendingMax = 64;
/** Reads that wait for their token. */
const waitersMax = 1_024;
/** Kubernetes needs a moment to take a stopping pod out of its Service; until then requests still arrive. */
const drainMs = 5_000;

const { env } = process;
const logger = createLogger('query', env);
const ports = listenPorts(env);
const tracing = await startTracing('query', env, logger);
const config = readConfigFile(env) as QueryConfig;
const { service, views } = config;
const names = views.map(({ name }) => name);
const stopping = new AbortController();
let storeFailure: Error | null = null;
let serving = false;

/** What stands in the way now; logged when it changes and not for every read that meets it. */
function onStore(failure: Error | null): void {
  if (failure !== null && storeFailure === null)
    logger.warn({ err: failure }, 'Redis is out of reach');
  if (failure === null && storeFailure !== null) logger.info('Redis answers again');
  storeFailure = failure;
}

function connect(): Redis {
  const redis = connectRedis(redisAddress(env), {
    name: 'cqrs-query',
    commandTimeoutMs: redisCommandMsMax,
  });
  return redis.on('error', onStore).on('ready', () => onStore(null));
}

const connections = { documents: connect(), lists: connect() };
const documentGate = new ReadGate({ pendingMax: documentsPendingMax, onStore });
const listGate = new ReadGate({ pendingMax: listsPendingMax, onStore });
const changes = createChanges(connect(), service, views);
const consistency = {
  tokenKeys: tokenKeys(env),
  waitingRoom: new WaitingRoom({ changes, views: names, waitersMax }),
};
const sending = { compressor: new Compressor(), unread: new UnreadAnswers() };
const streamRoom = new StreamRoom();
const beats = setInterval(() => streamRoom.beat(performance.now()), heartbeatMs);
const served = views.map((view) => ({
  view,
  reader: createReadStoreReader(connections, service, view),
  documents: { gate: documentGate, counts: createReadCounts() },
  lists: { gate: listGate, counts: createReadCounts() },
  consistency,
  ...sending,
  live: new LiveStates(),
  streamRoom,
}));
for (const { view, live } of served) {
  changes.subscribe(view.name, (change) => live.changed(change.documents));
}
const registry = createMetrics(served, streamRoom);
const app = createApp({
  views: served,
  description: describeQueries(config, () => readConfigFile(env)),
  spans: createRequestSpans(tracing),
  logger,
  isStopping: () => stopping.signal.aborted,
});

const ops = await startOpsServer({
  port: ports.ops,
  registry,
  isLive: () => true,
  // Redis being down is no reason to leave the Service: this replica can answer with a 503 that says why.
  isReady: () => serving && !stopping.signal.aborted,
  ...createQueryStatus({ bootId: randomUUID(), served, storeFailure: () => storeFailure }),
});
const readers = Object.values(connections);
await Promise.all(readers.map((redis) => readyOrLate(redis, redisWaitMsMax)));
await once(app.listen({ host: '::', port: ports.http }), 'listening');
serving = true;
logger.info({ views: names, ...ports, startMs: Math.round(performance.now()) }, 'Serving reads');

runUntilSignal(logger, [
  {
    name: 'drain',
    stop: async () => {
      stopping.abort();
      consistency.waitingRoom.stop();
      await delay(drainMs);
    },
  },
  {
    name: 'streams',
    stop: async () => {
      clearInterval(beats);
      streamRoom.close();
    },
  },
  { name: 'http server', stop: () => closeApp(app) },
  {
    name: 'Redis',
    stop: async () => {
      changes.close();
      for (const redis of readers) redis.disconnect();
    },
  },
  { name: 'tracing', stop: async () => tracing?.close() },
  { name: 'ops server', stop: () => ops.close() },
]);
