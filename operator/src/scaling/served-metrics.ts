/** Where HPAs ask us. One table: the HPAs' builders, the metrics API and the certificate's upkeep take it from here. */
export const metricsApi = {
  group: 'custom.metrics.k8s.io',
  version: 'v1beta2',
  /** The described object's resource, as the metrics API spells it in paths. */
  resource: 'cqrsservices.cqrs.dev',
  describedApiVersion: 'cqrs.dev/v1alpha1',
  describedKind: 'CqrsService',
  /** One APIService per group and version exists in a cluster; whoever owns it serves all such metrics. */
  apiServiceName: 'v1beta2.custom.metrics.k8s.io',
} as const;

/** What they ask for, each of a whole CqrsService. */
export const metricNames = {
  /** Reads asked of all query pods together. */
  reads: 'reads-per-second',
  /** Events that the views have yet to apply, all views together. */
  lag: 'events-behind',
} as const;

export type MetricName = (typeof metricNames)[keyof typeof metricNames];

/** A number and when it was so (milliseconds since the epoch), or the sentence that says why there is none. */
export type Measured =
  | {
      readonly state: 'fresh';
      readonly value: number;
      readonly windowSeconds: number;
      readonly atMs: number;
    }
  | { readonly state: 'stale' | 'unknown'; readonly message: string };
