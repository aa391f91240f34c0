import { metricNames, metricsApi } from './served-metrics.ts';

const groupVersion = { groupVersion: `${metricsApi.group}/${metricsApi.version}` };
const version = { ...groupVersion, version: metricsApi.version };
const group = { name: metricsApi.group, versions: [version], preferredVersion: version };

/** What the metrics API says of itself, by path (k8s.io/apimachinery meta/v1: APIGroupList, APIGroup, APIResourceList). */
export const discoveryDocuments: Readonly<Record<string, unknown>> = {
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [group] },
  [`/apis/${metricsApi.group}`]: { kind: 'APIGroup', apiVersion: 'v1', ...group },
  [`/apis/${metricsApi.group}/${metricsApi.version}`]: {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    ...groupVersion,
    resources: Object.values(metricNames).map((name) => ({
      name: `${metricsApi.resource}/${name}`,
      singularName: '',
      namespaced: true,
      kind: 'MetricValueList',
      verbs: ['get'],
    })),
  },
};
