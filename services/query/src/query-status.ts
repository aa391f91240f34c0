import { statusHold, type QueryStatus } from '@cqrs/contract/ops-status.ts';
import { held, type Hold } from '@cqrs/runtime/held-answer.ts';
import { countReads } from './read-counts.ts';
import type { ServedView } from './served-view.ts';

export type QueryStatusParts = {
  readonly bootId: string;
  readonly served: readonly Pick<ServedView, 'documents' | 'lists'>[];
  readonly storeFailure: () => Error | null;
};

/** What `GET /status` answers, and how long it holds the answer back for one who waits for reads. */
export function createQueryStatus({ bootId, served, storeFailure }: QueryStatusParts): {
  readonly status: () => QueryStatus;
  readonly holdStatus: (query: URLSearchParams) => Promise<void>;
} {
  const kinds = served.flatMap(({ documents, lists }) => [documents, lists]);
  // Views share their gates, and a queue is to be counted once.
  const gates = new Set(kinds.map(({ gate }) => gate));
  const status = (): QueryStatus => {
    const reads = countReads(kinds.map(({ counts }) => counts));
    return {
      program: 'query',
      bootId,
      readsServed: reads.served,
      readsRefused: reads.refused,
      readsQueued: [...gates].reduce((sum, { pending }) => sum + pending, 0),
      error: storeFailure()?.message ?? null,
    };
  };
  const asked = (): number => {
    const { readsServed, readsRefused, readsQueued } = status();
    return readsServed + readsRefused + readsQueued;
  };
  return { status, holdStatus: (query) => held(holdOf(query), asked) };
}

/** Without a usable number nothing is held: whoever asks for the status is to get it. */
export function holdOf(query: URLSearchParams): Hold {
  const beyond = numberOf(query, statusHold.readsBeyond);
  const waitMs = numberOf(query, statusHold.waitMs);
  return { beyond, waitMs: Math.min(waitMs, statusHold.waitMsMax) };
}

function numberOf(query: URLSearchParams, name: string): number {
  const number = Number(query.get(name));
  return Number.isFinite(number) && number > 0 ? number : 0;
}
