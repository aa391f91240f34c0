import { expect, test } from 'vitest';
import type { Pod } from './pod.ts';
import { podProblem } from './pod-problems.ts';

function pod(status: NonNullable<Pod['status']>, deletionTimestamp?: string): Pod {
  const metadata = { name: 'orders-query-1', ...(deletionTimestamp && { deletionTimestamp }) };
  return { apiVersion: 'v1', kind: 'Pod', metadata, status };
}

const unscheduled = (message: string): NonNullable<Pod['status']> => ({
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
});

const waiting = (reason: string): NonNullable<Pod['status']> => ({
  containerStatuses: [
    {
      name: 'query',
      state: { waiting: { reason } },
      lastState: { terminated: { exitCode: 1 } },
    },
  ],
});

test.each([
  {
    when: 'no node has room',
    status: unscheduled('0/1 nodes are available: 1 Insufficient memory.'),
    reason: 'PodUnschedulable',
    says: 'finds no node: 0/1 nodes are available: 1 Insufficient memory. Add a node',
  },
  {
    when: 'no volume is bound',
    status: unscheduled('pod has unbound immediate PersistentVolumeClaims'),
    reason: 'VolumePending',
    says: 'Name a default StorageClass',
  },
  {
    when: 'the image cannot be pulled',
    status: waiting('ImagePullBackOff'),
    reason: 'ImagePullFailed',
    says: 'cannot get the image of container query. Correct the image',
  },
  {
    when: 'the container crashes',
    status: waiting('CrashLoopBackOff'),
    reason: 'ContainerCrashing',
    says: 'Container query of pod orders-query-1 ended with exit code 1. Look at the logs',
  },
  {
    when: 'an init container failed',
    status: {
      initContainerStatuses: [{ name: 'prepare', state: { terminated: { exitCode: 2 } } }],
    },
    reason: 'ContainerCrashing',
    says: 'Container prepare of pod orders-query-1 ended with exit code 2.',
  },
])('$reason when $when', ({ status, reason, says }) => {
  const found = podProblem(pod(status));
  expect(found?.reason).toBe(reason);
  expect(found?.message).toContain(says);
});

test.each([
  { when: 'it runs', status: { containerStatuses: [{ name: 'query', state: {} }] } },
  { when: 'its containers are being created', status: waiting('ContainerCreating') },
  {
    when: 'its init container is done',
    status: {
      initContainerStatuses: [{ name: 'prepare', state: { terminated: { exitCode: 0 } } }],
    },
  },
])('no problem when $when', ({ status }) => {
  expect(podProblem(pod(status))).toBeUndefined();
});

test('a pod that is going is nobody’s problem', () => {
  expect(podProblem(pod(waiting('CrashLoopBackOff'), '2026-01-01T00:00:00Z'))).toBeUndefined();
});
