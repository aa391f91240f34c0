import { readsMetric } from './reads-metric.ts';

const groupVersion = { groupVersion: `${readsMetric.group}/${readsMetric.version}` };
const version = { ...groupVersion, version: readsMetric.version };
const group = { name: readsMetric.group, versions: [version], preferredVersion: version };

/** What the metrics API says of itself, by path (k8s.io/apimachinery meta/v1: APIGroupList, APIGroup, APIResourceList). */
export const discoveryDocuments: Readonly<Record<string, unknown>> = {
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [group] },
  [`/apis/${readsMetric.group}`]: { kind: 'APIGroup', apiVersion: 'v1', ...group },
  [`/apis/${readsMetric.group}/${readsMetric.version}`]: {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    ...groupVersion,
    resources: [
      {
        name: `${readsMetric.resource}/${readsMetric.name}`,
        singularName: '',
        namespaced: true,
        kind: 'MetricValueList',
        verbs: ['get'],
      },
    ],
  },
};
