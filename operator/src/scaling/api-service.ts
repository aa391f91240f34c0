import type { KubeObject, ObjectRef } from '../kube/object.ts';
import { metricsApi } from './served-metrics.ts';

/** The fields of an APIService that matter here (apiregistration.k8s.io/v1). */
export type ApiService = KubeObject & {
  spec: {
    group?: string;
    version?: string;
    service?: { namespace?: string; name?: string } | null;
    caBundle?: string;
  };
  status?: { conditions?: readonly { type: string; status: string; message?: string }[] };
};

/** Whether the cluster asks us for custom metrics; `message` says why not and what to do next. */
export type ApiServiceState =
  | { readonly state: 'ours' }
  | {
      readonly state: 'foreign' | 'absent' | 'unavailable' | 'unknown';
      readonly message: string;
    };

/** Whether an APIService sends its requests to our Service. */
export function pointsTo(apiService: ApiService, ours: Required<ObjectRef>): boolean {
  const { service } = apiService.spec;
  return service?.namespace === ours.namespace && service.name === ours.name;
}

/** The APIService whose version we serve, if it exists. */
export function servedApiService(found: readonly ApiService[]): ApiService | undefined {
  return found.find((apiService) => apiService.metadata.name === metricsApi.apiServiceName);
}

/**
 * The state from all APIServices of the cluster. Another adapter for any version of the group counts as foreign: HPAs
 * ask one version only, which the cluster chooses for all of them.
 */
export function apiServiceState(
  found: readonly ApiService[],
  ours: Required<ObjectRef>,
): ApiServiceState {
  const ofGroup = found.filter((apiService) => apiService.spec.group === metricsApi.group);
  const foreign = ofGroup.find((apiService) => !pointsTo(apiService, ours));
  if (foreign !== undefined) return { state: 'foreign', message: foreignMessage(foreign) };
  const own = servedApiService(ofGroup);
  if (own === undefined) {
    const message = `APIService ${metricsApi.apiServiceName} does not exist; install the operator's chart with metricsApi.enabled=true, so that the HPA finds the reads per second`;
    return { state: 'absent', message };
  }
  const available = own.status?.conditions?.find(({ type }) => type === 'Available');
  if (available?.status === 'True') return { state: 'ours' };
  const why = available?.message ?? 'the API server has not tried it yet';
  const message = `APIService ${metricsApi.apiServiceName} is not available (${why}); look at Service ${ours.namespace}/${ours.name} and its endpoints`;
  return { state: 'unavailable', message };
}

function foreignMessage({ metadata, spec }: ApiService): string {
  const owner = spec.service
    ? `Service ${spec.service.namespace}/${spec.service.name}`
    : 'the API server itself';
  return `APIService ${metadata.name} belongs to ${owner} and is left alone`;
}
