import type { ProjectorConfig } from '@cqrs/contract/config.ts';
import type { ProjectorStatus } from '@cqrs/contract/ops-status.ts';
import { consumerGroup, deadLetterTopic } from '@cqrs/contract/topics.ts';
import { listenPorts, readConfigFile, requiredEnv } from '@cqrs/runtime/config.ts';
import { runUntilSignal } from '@cqrs/runtime/lifecycle.ts';
import { createLogger } from '@cqrs/runtime/logger.ts';
import { startOpsServer } from '@cqrs/runtime/ops-server.ts';
import { startTracing } from '@cqrs/runtime/telemetry/tracing.ts';
import { connectRedis, readyOrLate, redisAddress } from '@cqrs/runtime/read-store/connection.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import { createDeadLetterTopic } from './dead-letter-topic.ts';
import { createKafkaSource } from './kafka-source.ts';
import { createMetrics } from './metrics.ts';
import { tendBuilds } from './old-builds.ts';
import { planProjection } from './projection.ts';
import { Projector } from './projector.ts';
import { createReadStoreWriter } from './read-store-writer.ts';
import { projectorStatus } from './status.ts';

/** Less than a consumer's session: a Redis that hangs must not cost the partitions. */
const redisCommandMsMax = 3_000;
const redisWaitMsMax = 2_000;
const buildsLookPeriodMs = 60_000;
const oldBuildIdleMsMin = 600_000;

const { env } = process;
const logger = createLogger('projector', env);
const tracing = await startTracing('projector', env, logger);
const config = readConfigFile(env) as ProjectorConfig;
const { service, views } = config;
const brokers = requiredEnv(env, 'CQRS_KAFKA_BROKERS').split(',');
const kafka = createKafkaSource(brokers);
const redis = connectRedis(redisAddress(env), {
  name: 'cqrs-projector',
  commandTimeoutMs: redisCommandMsMax,
});
redis.on('error', (error: Error) => logger.debug({ err: error }, 'Redis connection failed'));
await readyOrLate(redis, redisWaitMsMax);

const status = (): ProjectorStatus =>
  projectorStatus(
    projectors.map((projector) => projector.progress()),
    Date.now(),
  );
const metrics = createMetrics(status);
const projectors = views.map(
  (view) =>
    new Projector({
      projection: planProjection(view),
      consumerGroup: consumerGroup(service, viewTag(service, view)),
      kafka,
      writer: createReadStoreWriter(redis, service, view),
      deadLetters: createDeadLetterTopic({
        brokers,
        topic: deadLetterTopic(service, view.name),
        view: view.name,
      }),
      metrics,
      tracing,
      logger: logger.child({ view: view.name }),
    }),
);

const tending = new AbortController();
const builds = { lookPeriodMs: buildsLookPeriodMs, idleMsMin: oldBuildIdleMsMin };
const tended = tendBuilds({ redis, service, views, logger, ...builds }, tending.signal);

const ops = await startOpsServer({
  port: listenPorts(env).ops,
  registry: metrics.registry,
  // A store that is away is waited for; a restart would not bring it back.
  isLive: () => true,
  // No Service sends requests here: ready means that the program runs.
  isReady: () => true,
  status,
});
logger.info({ views: views.map(({ name }) => name) }, 'Projecting');

runUntilSignal(logger, [
  {
    name: 'projectors',
    stop: async () => void (await Promise.all(projectors.map((projector) => projector.stop()))),
  },
  {
    name: 'old builds',
    stop: async () => {
      tending.abort();
      await tended;
    },
  },
  { name: 'Kafka', stop: () => kafka.close() },
  { name: 'Redis', stop: async () => redis.disconnect() },
  { name: 'tracing', stop: async () => tracing?.close() },
  { name: 'ops server', stop: () => ops.close() },
]);
