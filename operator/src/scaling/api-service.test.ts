import { describe, expect, it } from 'vitest';
import { apiServiceState, type ApiService } from './api-service.ts';

const ours = { namespace: 'cqrs-system', name: 'cqrs-operator' };

function apiService(
  version: string,
  service: { namespace: string; name: string } | null,
  available?: { status: string; message: string },
): ApiService {
  const group = 'custom.metrics.k8s.io';
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `${version}.${group}` },
    spec: { group, version, service },
    ...(available && { status: { conditions: [{ type: 'Available', ...available }] } }),
  };
}

const yes = { status: 'True', message: 'all checks passed' };
const adapter = { namespace: 'monitoring', name: 'prometheus-adapter' };
const elsewhere: ApiService = {
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: 'v1beta1.metrics.k8s.io' },
  spec: {
    group: 'metrics.k8s.io',
    version: 'v1beta1',
    service: { namespace: 'kube-system', name: 'm' },
  },
};

describe('the state of the APIService', () => {
  it('is ours when it points to us and is available, whatever other groups do', () => {
    expect(apiServiceState([elsewhere, apiService('v1beta2', ours, yes)], ours)).toEqual({
      state: 'ours',
    });
  });

  it('is absent when nobody serves the group', () => {
    expect(apiServiceState([elsewhere], ours)).toEqual({
      state: 'absent',
      message:
        "APIService v1beta2.custom.metrics.k8s.io does not exist; install the operator's chart with metricsApi.enabled=true, so that the HPA finds the reads per second",
    });
  });

  it('is foreign when it points elsewhere, even to a Service of our name in another namespace', () => {
    expect(apiServiceState([apiService('v1beta2', adapter, yes)], ours)).toEqual({
      state: 'foreign',
      message:
        'APIService v1beta2.custom.metrics.k8s.io belongs to Service monitoring/prometheus-adapter and is left alone',
    });
    const namesake = { ...ours, namespace: 'monitoring' };
    expect(apiServiceState([apiService('v1beta2', namesake, yes)], ours).state).toBe('foreign');
    expect(apiServiceState([apiService('v1beta2', null, yes)], ours)).toMatchObject({
      state: 'foreign',
      message: expect.stringContaining('belongs to the API server itself') as string,
    });
  });

  it('is foreign when somebody else serves another version, which HPAs may be led to', () => {
    const both = [apiService('v1beta2', ours, yes), apiService('v1beta1', adapter, yes)];
    expect(apiServiceState(both, ours)).toMatchObject({
      state: 'foreign',
      message: expect.stringContaining('v1beta1.custom.metrics.k8s.io') as string,
    });
  });

  it('is unavailable until the API server says otherwise, with what it says', () => {
    const refused = { status: 'False', message: 'connection refused' };
    expect(apiServiceState([apiService('v1beta2', ours, refused)], ours)).toEqual({
      state: 'unavailable',
      message:
        'APIService v1beta2.custom.metrics.k8s.io is not available (connection refused); look at Service cqrs-system/cqrs-operator and its endpoints',
    });
    expect(apiServiceState([apiService('v1beta2', ours)], ours)).toMatchObject({
      message: expect.stringContaining('has not tried it yet') as string,
    });
  });
});
