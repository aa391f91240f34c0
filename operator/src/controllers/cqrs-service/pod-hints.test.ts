import { describe, expect, test } from 'vitest';
import { gone, runs } from './example-observed.ts';
import { hintFrom, stuckParts, type EventObject } from './pod-hints.ts';
import type { Pod } from './pod.ts';

const createdMs = Date.parse('2026-01-02T03:04:05Z');
const later = createdMs + 60_000;

const pod = (name: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, creationTimestamp: '2026-01-02T03:04:05Z' },
});

const of = {
  workloads: {},
  podProblems: {},
  pods: {},
  namespace: 'shop',
  statefulSets: { postgres: 'orders-postgres', kafka: 'cqrs-kafka' },
  nowMs: later,
};

const subject = (kind: 'StatefulSet' | 'PersistentVolumeClaim' | 'Pod', name: string) => ({
  kind,
  namespace: 'shop',
  name,
});

describe('stuckParts', () => {
  test('names the StatefulSet that has no pods', () => {
    const workloads = { postgres: { ...gone, hasNoPods: true } };
    expect(stuckParts({ ...of, workloads })).toEqual([
      { part: 'postgres', subject: subject('StatefulSet', 'orders-postgres') },
    ]);
  });

  test('names the claim of a pod that waits for its volume', () => {
    const podProblems = { kafka: { reason: 'VolumePending', what: 'It waits.' } } as const;
    const pods = { kafka: [pod('cqrs-kafka-0')] };
    expect(stuckParts({ ...of, workloads: { kafka: gone }, pods, podProblems })).toEqual([
      { part: 'kafka', subject: subject('PersistentVolumeClaim', 'data-cqrs-kafka-0') },
    ]);
  });

  test('names a pod that is not ready for no known cause, once it is no longer young', () => {
    const stuck = { ...of, workloads: { query: gone }, pods: { query: [pod('orders-query-1')] } };
    expect(stuckParts(stuck)).toEqual([
      { part: 'query', subject: subject('Pod', 'orders-query-1') },
    ]);
    expect(stuckParts({ ...stuck, nowMs: createdMs + 14_000 })).toEqual([]);
  });

  test.each([
    { when: 'is ready', workloads: { postgres: runs } },
    { when: 'is not made yet', workloads: {} },
    { when: 'has pods that say it', workloads: { query: gone }, problem: 'OutOfMemory' as const },
  ])('asks nothing about a part that $when', ({ workloads, problem }) => {
    const podProblems = problem && { query: { reason: problem, what: 'It.' } };
    const pods = { query: [pod('orders-query-1')], postgres: [pod('orders-postgres-0')] };
    expect(stuckParts({ ...of, workloads, pods, podProblems: podProblems ?? {} })).toEqual([]);
  });
});

test('a Deployment says itself what it is refused', () => {
  const workloads = { query: { ...gone, hasNoPods: true } };
  expect(stuckParts({ ...of, workloads })).toEqual([]);
});

const event = (reason: string, note: string, at: Partial<EventObject>): EventObject => ({
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name: reason, creationTimestamp: '2026-01-02T03:00:00Z' },
  reason,
  note,
  ...at,
});
describe('hintFrom', () => {
  const about = subject('Pod', 'orders-query-1');

  test('is the newest of those that tell something, however its time is given', () => {
    const events = [
      event('Unhealthy', 'Readiness probe failed', {
        deprecatedLastTimestamp: '2026-01-02T03:06:00Z',
      }),
      event('FailedMount', 'configmap not found', { eventTime: '2026-01-02T03:07:00.000000Z' }),
      event('BackOff', 'Back-off restarting', { deprecatedLastTimestamp: '2026-01-02T03:09:00Z' }),
    ];
    expect(hintFrom(events, about)).toEqual({
      reason: 'ContainerNotCreated',
      says: 'Kubernetes says of Pod orders-query-1: configmap not found.',
    });
    const again = { series: { lastObservedTime: '2026-01-02T03:08:00.000000Z' } };
    const [first, ...rest] = events;
    expect(hintFrom([{ ...first, ...again } as EventObject, ...rest], about)).toEqual({
      reason: null,
      says: 'Kubernetes says of Pod orders-query-1: Readiness probe failed.',
    });
  });

  test('is nothing without such Events', () => {
    expect(hintFrom([event('Scheduled', 'Assigned', {})], about)).toBeUndefined();
  });
});
