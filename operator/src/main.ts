import { hostname } from 'node:os';
import { parseConfig, type Config } from './config.ts';
import { allInformers } from './controllers/cqrs-service/caches.ts';
import { connect } from './cluster.ts';
import { collectedServices, stagePods } from './controllers/cqrs-service/pods.ts';
import { createReconcile } from './controllers/cqrs-service/reconcile.ts';
import { createStagePoller } from './controllers/cqrs-service/stage-poller.ts';
import { serviceWatches } from './controllers/cqrs-service/watches.ts';
import { createHealthServer } from './health-server.ts';
import { cachesHealth, liveness, readiness } from './health.ts';
import { systemClock as clock } from './kube/clock.ts';
import { createController } from './kube/controller.ts';
import { createEventRecorder } from './kube/events.ts';
import { objectKey } from './kube/object.ts';
import { createHpaMetrics } from './hpa-metrics.ts';
import { runParts, type Part } from './lifecycle.ts';
import { createProgress } from './progress.ts';
import { createPodStatusReader } from './pods/pod-status.ts';
import { createReadsCollector } from './scaling/collector.ts';
import { createLogger, type Logger } from './telemetry/logger.ts';

const parsed = parseConfig(process.argv.slice(2), process.env, `${hostname()}_${process.pid}`);
switch (parsed.outcome) {
  case 'help':
    process.stdout.write(parsed.usage);
    break;
  case 'invalid':
    process.stderr.write(`${parsed.problem}\n\n${parsed.usage}`);
    process.exitCode = 1;
    break;
  case 'run': {
    const logger = createLogger(parsed.config.logLevel);
    run(parsed.config, logger).catch((err: unknown) => {
      logger.error({ err }, 'Operator failed');
      process.exit(1);
    });
  }
}

async function run(config: Config, logger: Logger): Promise<void> {
  const cluster = await connect(config, logger);
  const { caches, client, leadership, registry, shared } = cluster;
  const enqueue = (key: string): void => controller.enqueue(key);
  const reader = createPodStatusReader({ mode: config.podStatus, client });
  const collector = createReadsCollector({
    ...shared,
    reader,
    services: () => collectedServices(caches, metricsApi.apiService()),
    onChange: enqueue,
  });
  const poller = createStagePoller({
    reader,
    clock,
    pods: () => stagePods(caches),
    onChange: enqueue,
    settledIntervalMs: config.statusRefreshMs,
  });
  const metricsApi = createHpaMetrics(config, cluster, {
    isLeader: () => leadership.isLeader(),
    reads: collector,
    stages: poller,
    onApiServiceChange: () => caches.services.list().map(objectKey).forEach(enqueue),
  });
  const events = createEventRecorder({
    ...shared,
    reportingController: 'cqrs.dev/operator',
    reportingInstance: config.identity,
  });
  const progress = createProgress(clock);
  const controller = createController({
    ...shared,
    name: 'cqrs-service',
    concurrency: config.concurrency,
    watches: serviceWatches(caches),
    reconcile: progress.follow(
      createReconcile({
        ...cluster,
        ...shared,
        events,
        reading: (podUid) => poller.reading(podUid),
        reads: collector,
        metricsApi: () => metricsApi.apiService(),
      }),
    ),
  });
  const informers = allInformers(caches);
  const server = createHealthServer({
    port: config.opsPort,
    registry,
    logger,
    liveness: () => liveness(cachesHealth(informers), clock.wallNow(), progress.oldest()),
    readiness: () => readiness(cachesHealth(informers), clock.wallNow(), metricsApi.isServing()),
  });

  await runParts(logger, [
    { name: 'client', stop: () => client.close() },
    { name: 'ops server', start: () => server.start(), stop: () => server.stop() },
    { name: 'pod status reader', stop: () => reader.close() },
    informersPart(informers),
    { name: 'reads collector', start: () => collector.start(), stop: () => collector.stop() },
    { name: 'stage poller', start: () => poller.start(), stop: () => poller.stop() },
    { name: 'metrics API', start: () => metricsApi.start(), stop: () => metricsApi.stop() },
    { name: 'leadership', start: () => leadership.start(), stop: () => leadership.stop() },
    { name: 'events', stop: () => events.stop() },
    { name: 'controller', start: () => controller.start(), stop: () => controller.stop() },
  ]);
}

function informersPart(informers: ReturnType<typeof allInformers>): Part {
  return {
    name: 'informers',
    start: () => informers.forEach((informer) => informer.start()),
    stop: async () => void (await Promise.all(informers.map((informer) => informer.stop()))),
  };
}
