import type { Cluster } from './cluster.ts';
import type { Config } from './config.ts';
import { eventsBehind } from './controllers/cqrs-service/events-behind.ts';
import { projectorReadings } from './controllers/cqrs-service/pods.ts';
import type { StagePoller } from './controllers/cqrs-service/stage-poller.ts';
import { systemClock as clock } from './kube/clock.ts';
import type { ApiServiceState } from './scaling/api-service.ts';
import type { ReadsCollector } from './scaling/collector.ts';
import { measuredReads } from './scaling/demand.ts';
import {
  createMetricsApi,
  type MetricsApi,
  type MetricsApiOptions,
} from './scaling/metrics-api.ts';
import { metricNames } from './scaling/served-metrics.ts';

const off: ApiServiceState = {
  state: 'absent',
  message:
    'This operator was started without --metrics-api-port, as outside of a cluster, so HPAs cannot ask it for the reads per second',
};

/** A projector that has missed so many polls is not heard. */
const pollsMissedMax = 3;

type Sources = Pick<MetricsApiOptions, 'isLeader' | 'onApiServiceChange'> & {
  readonly reads: ReadsCollector;
  readonly stages: StagePoller;
};

type HpaMetrics = Pick<MetricsApi, 'start' | 'stop' | 'apiService'> & {
  /** Undefined when it is not to serve. */
  isServing(): boolean | undefined;
};

/** What this operator serves to HPAs; nothing when it was started without a port for it. */
export function createHpaMetrics(
  config: Config,
  { caches, namespace, shared }: Cluster,
  { reads, stages, ...callbacks }: Sources,
): HpaMetrics {
  if (config.metricsApi === undefined) {
    const nothing = { start: () => undefined, stop: async () => undefined };
    return { ...nothing, isServing: () => undefined, apiService: () => off };
  }
  const { port, service } = config.metricsApi;
  const pollMs = config.statusRefreshMs;
  return createMetricsApi({
    ...shared,
    ...callbacks,
    namespace,
    port,
    serviceName: service,
    measure: {
      [metricNames.reads]: (key) => measuredReads(reads.demand(key)),
      [metricNames.lag]: (key) => {
        const projectors = projectorReadings(caches, key, (podUid) =>
          stages.reading(podUid, pollsMissedMax * pollMs),
        );
        return eventsBehind(projectors, { nowMs: clock.wallNow(), pollMs });
      },
    },
  });
}
