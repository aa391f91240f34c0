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

const image = 'registry.example/shop/query:1';

const waiting = (
  reason: string,
  message?: string,
  ended: { reason?: string; exitCode: number; message?: string } = { exitCode: 1 },
): NonNullable<Pod['status']> => ({
  containerStatuses: [
    {
      name: 'query',
      image,
      state: { waiting: { reason, ...(message !== undefined && { message }) } },
      lastState: { terminated: ended },
    },
  ],
});

const restarted = {
  containerStatuses: [
    {
      name: 'query',
      ready: false,
      state: { running: {} },
      lastState: { terminated: { exitCode: 1 } },
    },
  ],
} satisfies Pod['status'];

test.each([
  {
    when: 'no node has room',
    status: unscheduled('0/1 nodes are available: 1 Insufficient memory.'),
    reason: 'PodUnschedulable',
    says: 'finds no node: 0/1 nodes are available: 1 Insufficient memory.',
  },
  {
    when: 'no volume is bound',
    status: unscheduled('pod has unbound immediate PersistentVolumeClaims'),
    reason: 'VolumePending',
    says: 'has no volume yet: pod has unbound immediate PersistentVolumeClaims.',
  },
  {
    when: 'the image cannot be pulled',
    status: waiting('ImagePullBackOff'),
    reason: 'ImagePullFailed',
    says: 'Pod orders-query-1 cannot get the image registry.example/shop/query:1 of container query.',
  },
  {
    when: 'the container crashes',
    status: waiting('CrashLoopBackOff'),
    reason: 'ContainerCrashing',
    says: 'Container query of pod orders-query-1 ended with exit code 1.',
  },
  {
    when: 'the volume of the claim is gone',
    status: unscheduled(
      'persistentvolumeclaim "data-a-0" bound to non-existent persistentvolume "a"',
    ),
    reason: 'VolumeLost',
    says: 'has lost its volume: persistentvolumeclaim "data-a-0" bound to non-existent persistentvolume "a".',
  },
  {
    when: 'the volume is on another node',
    status: unscheduled('0/2 nodes are available: 2 node(s) had volume node affinity conflict.'),
    reason: 'VolumeElsewhere',
    says: 'cannot run where its volume is: 0/2 nodes',
  },
  ...[
    ['rpc error: code = NotFound: not found', ': its registry has no such image.'],
    ['pull access denied, 401 Unauthorized', ': its registry refuses access'],
    ['dial tcp 10.0.0.1:443: i/o timeout', ': its registry cannot be reached.'],
  ].flatMap(([message = '', says = '']) =>
    // What the kubelet says while it tries, and while it waits for the next time.
    [message, `Back-off pulling image "${image}": ErrImagePull: ${message}`].map((said) => ({
      when: `the registry says ${said}`,
      status: waiting('ImagePullBackOff', said),
      reason: 'ImagePullFailed',
      says: `of container query${says}`,
    })),
  ),
  {
    when: 'the image is no reference',
    status: waiting('InvalidImageName'),
    reason: 'ImagePullFailed',
    says: ', which is no valid reference of an image.',
  },
  {
    when: 'a key of a Secret is missing',
    status: waiting(
      'CreateContainerConfigError',
      'couldn’t find key headers in Secret shop/collector',
    ),
    reason: 'ContainerNotCreated',
    says: 'is not started (CreateContainerConfigError): couldn’t find key headers in Secret shop/collector.',
  },
  {
    when: 'the container took too much memory',
    status: waiting('CrashLoopBackOff', undefined, { reason: 'OOMKilled', exitCode: 137 }),
    reason: 'OutOfMemory',
    says: 'took more memory than its limit and was ended with exit code 137.',
  },
  {
    when: 'the container says why it ends',
    status: waiting('CrashLoopBackOff', undefined, {
      exitCode: 1,
      message: 'FATAL: bad password\n',
    }),
    reason: 'ContainerCrashing',
    says: 'ended with exit code 1. It said: FATAL: bad password.',
  },
  {
    when: 'the volume is full',
    status: waiting('CrashLoopBackOff', undefined, {
      exitCode: 1,
      message: 'FATAL: could not write: No space left on device',
    }),
    reason: 'VolumeFull',
    says: 'It said: FATAL: could not write: No space left on device.',
  },
  {
    when: 'the container runs for a moment between two crashes',
    status: restarted,
    reason: 'ContainerCrashing',
    says: 'ended with exit code 1.',
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
  const found = podProblem(pod(status), 'silent');
  expect(found?.reason).toBe(reason);
  expect(found?.what).toContain(says);
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
  expect(podProblem(pod(status), 'silent')).toBeUndefined();
});

test('a pod that is going is nobody’s problem', () => {
  const going = pod(waiting('CrashLoopBackOff'), '2026-01-01T00:00:00Z');
  expect(podProblem(going, 'silent')).toBeUndefined();
});

test('a program that came back and answers is asked instead', () => {
  expect(podProblem(pod(restarted), 'answers')).toBeUndefined();
  expect(podProblem(pod(waiting('CrashLoopBackOff')), 'answers')?.reason).toBe('ContainerCrashing');
});
