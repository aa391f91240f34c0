/** What the HPA asks for. One table: the HPA's builder, the metrics API and the certificate's upkeep take it from here. */
export const readsMetric = {
  name: 'reads-per-second',
  group: 'custom.metrics.k8s.io',
  version: 'v1beta2',
  /** The described object's resource, as the metrics API spells it in paths. */
  resource: 'cqrsservices.cqrs.dev',
  describedApiVersion: 'cqrs.dev/v1alpha1',
  describedKind: 'CqrsService',
  /** One APIService per group and version exists in a cluster; whoever owns it serves all such metrics. */
  apiServiceName: 'v1beta2.custom.metrics.k8s.io',
} as const;
