import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../../api/v1alpha1/example-services.ts';
import { labels } from '../../resources/labels.ts';
import { exampleObserved } from './example-observed.ts';
import { withWritten } from './observe.ts';
import type { WorkloadObject } from './workload.ts';

const orders = wholeService('orders', ordersSpec);
const observed = exampleObserved(orders);

const deployment = (component: 'command' | 'query', generation: number): WorkloadObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: `orders-${component}`, generation, labels: labels(orders, component) },
  status: { observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2 },
});

test('a workload that this pass has changed is not rolled out before its controller has looked', () => {
  const { workloads } = withWritten(observed, [deployment('command', 2)]);
  expect(workloads.command).toMatchObject({ ready: 2, rolledOut: false });
  expect(workloads.query).toBe(observed.workloads.query);
  expect(withWritten(observed, [deployment('query', 1)]).workloads.query?.rolledOut).toBe(true);
});

test('other objects change no workload', () => {
  const service = { ...deployment('query', 2), kind: 'Service' };
  expect(withWritten(observed, [service]).workloads).toEqual(observed.workloads);
});
