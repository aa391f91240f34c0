import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Demand } from '../consistency/demand.ts';
import { demandOf, readConsistently } from '../consistency/read-consistently.ts';
import { sendProblem } from '../problem-reply.ts';
import type { ReadCounts } from '../read-counts.ts';
import type { GatedRead } from '../read-gate.ts';
import type { ServedView } from '../served-view.ts';

type AskedRead<T> = {
  readonly read: () => Promise<GatedRead<T>>;
  /** Whether what was read shows by itself that it is as new as demanded. */
  readonly shows?: (value: T, demand: Demand) => boolean;
  readonly counts: ReadCounts;
  /** As how many reads a refusal counts. */
  readonly reads: number;
  /** Sends what was read and counts it. */
  readonly answer: (value: T) => void | Promise<void>;
};

/** What all reads have in common: they wait for what the request demands, and a refusal is counted and told. */
export async function answerRead<T>(
  served: ServedView,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  { read, shows, counts, reads, answer }: AskedRead<T>,
): Promise<void> {
  const demand = demandOf(served, request);
  if (demand.kind === 'malformed') return sendProblem(response, 'malformed-token', demand.detail);
  const outcome = await readConsistently(served, { demand, response }, read, shows);
  if (!outcome.ok) {
    counts[outcome.refusal] += reads;
    return sendProblem(response, outcome.refusal, outcome.detail);
  }
  const sending = answer(outcome.value);
  if (sending !== undefined) await sending;
}
