import { expect, test } from 'vitest';
import {
  deletionMsMax,
  nextDeletionStep,
  type CleanupJob,
  type DeletionInput,
} from './deletion-step.ts';

const writers = [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'orders-relay' } }];
const job = (type?: string): CleanupJob => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'orders-topic-cleanup' },
  status: { conditions: type === undefined ? [] : [{ type, status: 'True' }] },
});

const deleted: DeletionInput = {
  deletesTopics: true,
  namespaceTerminates: false,
  brokerExists: true,
  writers: [],
  writerPods: 0,
  job: undefined,
  deletedAtMs: 1_000_000,
  nowMs: 1_000_000,
};

test.each([
  { when: 'topics are kept', change: { deletesTopics: false, writers }, step: 'release' },
  { when: 'the namespace goes', change: { namespaceTerminates: true, writers }, step: 'release' },
  { when: 'there is no broker', change: { brokerExists: false, writers }, step: 'release' },
  { when: 'the relay runs', change: { writers, writerPods: 1 }, step: 'stop the writers' },
  { when: 'its pod still runs', change: { writerPods: 1 }, step: 'wait' },
  { when: 'the relay is gone', change: {}, step: 'start the cleanup' },
  { when: 'the Job runs', change: { job: job() }, step: 'wait' },
  { when: 'the Job is done', change: { job: job('Complete') }, step: 'release' },
  { when: 'the Job failed', change: { job: job('Failed') }, step: 'give up' },
  {
    when: 'the bound has passed',
    change: { writerPods: 1, nowMs: 1_000_000 + deletionMsMax },
    step: 'give up',
  },
])('$step when $when', ({ change, step }) => {
  expect(nextDeletionStep({ ...deleted, ...change }).step).toBe(step);
});

test('a wait ends with the bound', () => {
  const input = { ...deleted, job: job(), nowMs: deleted.deletedAtMs + deletionMsMax - 7 };
  expect(nextDeletionStep(input)).toMatchObject({ step: 'wait', atMostMs: 7 });
});
