/** What a URL needs to know of a kind. `group` is empty for the core API. */
export type ResourceType = {
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
};

const namespaced = (apiVersion: string, plural: string, kind: string): ResourceType => ({
  ...splitApiVersion(apiVersion),
  plural,
  kind,
  namespaced: true,
});

const clusterScoped = (apiVersion: string, plural: string, kind: string): ResourceType => ({
  ...namespaced(apiVersion, plural, kind),
  namespaced: false,
});

/** Kubernetes' own kinds that controllers commonly write or watch. */
export const builtin = {
  apiService: clusterScoped('apiregistration.k8s.io/v1', 'apiservices', 'APIService'),
  clusterRole: clusterScoped('rbac.authorization.k8s.io/v1', 'clusterroles', 'ClusterRole'),
  clusterRoleBinding: clusterScoped(
    'rbac.authorization.k8s.io/v1',
    'clusterrolebindings',
    'ClusterRoleBinding',
  ),
  configMap: namespaced('v1', 'configmaps', 'ConfigMap'),
  customResourceDefinition: clusterScoped(
    'apiextensions.k8s.io/v1',
    'customresourcedefinitions',
    'CustomResourceDefinition',
  ),
  deployment: namespaced('apps/v1', 'deployments', 'Deployment'),
  endpointSlice: namespaced('discovery.k8s.io/v1', 'endpointslices', 'EndpointSlice'),
  event: namespaced('events.k8s.io/v1', 'events', 'Event'),
  horizontalPodAutoscaler: namespaced(
    'autoscaling/v2',
    'horizontalpodautoscalers',
    'HorizontalPodAutoscaler',
  ),
  job: namespaced('batch/v1', 'jobs', 'Job'),
  lease: namespaced('coordination.k8s.io/v1', 'leases', 'Lease'),
  namespace: clusterScoped('v1', 'namespaces', 'Namespace'),
  networkPolicy: namespaced('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy'),
  node: clusterScoped('v1', 'nodes', 'Node'),
  persistentVolumeClaim: namespaced('v1', 'persistentvolumeclaims', 'PersistentVolumeClaim'),
  pod: namespaced('v1', 'pods', 'Pod'),
  podDisruptionBudget: namespaced('policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  replicaSet: namespaced('apps/v1', 'replicasets', 'ReplicaSet'),
  role: namespaced('rbac.authorization.k8s.io/v1', 'roles', 'Role'),
  roleBinding: namespaced('rbac.authorization.k8s.io/v1', 'rolebindings', 'RoleBinding'),
  secret: namespaced('v1', 'secrets', 'Secret'),
  service: namespaced('v1', 'services', 'Service'),
  serviceAccount: namespaced('v1', 'serviceaccounts', 'ServiceAccount'),
  statefulSet: namespaced('apps/v1', 'statefulsets', 'StatefulSet'),
} as const satisfies Record<string, ResourceType>;

/** `apps/v1` → group and version; `v1` → the core group, whose name is empty. */
export function splitApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** The `apiVersion` field of a kind's objects. */
export function apiVersionOf(type: ResourceType): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

/** Where in the API a collection, an object or a subresource lies. No namespace = all of them. */
export type ResourcePlace = { namespace?: string; name?: string; subresource?: string };

/** The URL path of a place, each part percent-encoded; a cluster-scoped kind ignores the namespace. */
export function resourcePath(type: ResourceType, place: ResourcePlace = {}): string {
  const parts = type.group === '' ? ['api', type.version] : ['apis', type.group, type.version];
  if (type.namespaced && place.namespace !== undefined) parts.push('namespaces', place.namespace);
  parts.push(type.plural);
  if (place.name !== undefined) parts.push(place.name);
  if (place.subresource !== undefined) parts.push(place.subresource);
  return parts.map((part) => `/${encodeURIComponent(part)}`).join('');
}
