import type { KubeObject } from '../../kube/object.ts';

/** A Job (batch/v1) as the API server returns it, as far as the deletion needs it. */
export type CleanupJob = KubeObject & {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
};

/** What is left to do before a CqrsService may go. */
export type DeletionStep =
  | { readonly step: 'stop the writers'; readonly writers: readonly KubeObject[] }
  | { readonly step: 'start the cleanup' }
  | { readonly step: 'wait'; readonly atMostMs: number; readonly forWhat: string }
  | { readonly step: 'give up'; readonly why: string }
  | { readonly step: 'release' };

export type DeletionInput = {
  /** Whether topics are to be deleted at all: deletionPolicy Delete, and a side that has some. */
  readonly deletesTopics: boolean;
  readonly namespaceTerminates: boolean;
  readonly brokerExists: boolean;
  /** The Deployments that write into topics: the relay's, and that of a projector which puts events aside. */
  readonly writers: readonly KubeObject[];
  readonly writerPods: number;
  readonly job: CleanupJob | undefined;
  readonly deletedAtMs: number;
  readonly nowMs: number;
};

/** A deletion takes no longer than this, whatever state Kafka is in. */
export const deletionMsMax = 5 * 60_000;

/** Topics go last: whoever writes into them would make them anew, or find them missing. */
export function nextDeletionStep(input: DeletionInput): DeletionStep {
  const { job, writers, writerPods } = input;
  // In a terminating namespace no Job can be made, and the broker with all its topics goes too.
  if (!input.deletesTopics || input.namespaceTerminates || !input.brokerExists) {
    return { step: 'release' };
  }
  if (jobIs(job, 'Complete')) return { step: 'release' };
  if (jobIs(job, 'Failed')) return { step: 'give up', why: 'the cleanup Job failed' };
  const leftMs = input.deletedAtMs + deletionMsMax - input.nowMs;
  if (leftMs <= 0) {
    return { step: 'give up', why: `it took longer than ${deletionMsMax / 60_000} minutes` };
  }
  if (writers.length > 0) return { step: 'stop the writers', writers };
  if (writerPods > 0) {
    return { step: 'wait', atMostMs: leftMs, forWhat: 'the pods that write into topics to stop' };
  }
  if (job === undefined) return { step: 'start the cleanup' };
  return { step: 'wait', atMostMs: leftMs, forWhat: 'the topics to be deleted' };
}

function jobIs(job: CleanupJob | undefined, type: 'Complete' | 'Failed'): boolean {
  return (
    job?.status?.conditions?.some((one) => one.type === type && one.status === 'True') === true
  );
}
