import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import type { WholeService } from '../../api/v1alpha1/example-services.ts';
import type { Observed } from './observe.ts';
import type { Answer, ViewReading } from './stage-reading.ts';
import type { Workload } from './workload.ts';

export const runs: Workload = {
  desired: 1,
  ready: 1,
  rolledOut: true,
  refusal: undefined,
  givenUp: undefined,
  hasNoPods: false,
};
export const gone: Workload = { ...runs, ready: 0 };

const well = { outcome: 'answered', error: null, errorCode: null, streaming: false } as const;
export const relayStreams: Answer = { ...well, streaming: true, views: [] };

const caughtUp: Omit<ViewReading, 'view'> = {
  lagEvents: 0,
  lagSeconds: 0,
  movingEvents: 0,
  halted: [],
  haltedKeys: 0,
  firstHaltedKey: null,
  behind: [],
};

/** What a projector says that keeps one view. */
export function projects(view: string, changes: Partial<ViewReading> = {}): Answer {
  return { ...well, views: [{ view, ...caughtUp, ...changes }] };
}

/** A cluster in which a service with both sides runs and all is well. For tests. */
export function exampleObserved(service: WholeService, changes: Partial<Observed> = {}): Observed {
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'any' } };
  return {
    siblings: new Map<string, CqrsService>([[service.metadata.name, service]]),
    schemaProblems: [],
    kafka: undefined,
    secrets: {
      postgres: {
        state: 'complete',
        live: secret,
        passwords: { postgres: 'p', command: 'c', relay: 'r' },
      },
      redis: { state: 'complete', live: secret, passwords: { redis: 's' } },
      consistency: { state: 'complete', live: secret, passwords: { token: 't' } },
    },
    behaviors: { checksums: {}, missing: [] },
    workloads: {
      postgres: runs,
      kafka: runs,
      redis: runs,
      command: { ...runs, desired: 2, ready: 2 },
      relay: runs,
      projector: runs,
      query: runs,
    },
    podProblems: {},
    hints: {},
    readings: { relay: [relayStreams], projector: [projects('orders')] },
    autoscaler: {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'orders-query' },
      status: { desiredReplicas: 1, conditions: [{ type: 'ScalingActive', status: 'True' }] },
    },
    demand: { state: 'fresh', readsPerSecond: 0, atMs: 0 },
    floor: { replicas: 0, readsPerSecond: 0 },
    metricsApi: { state: 'ours' },
    ...changes,
  };
}
