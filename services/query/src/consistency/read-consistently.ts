import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GatedRead } from '../read-gate.ts';
import type { ServedView } from '../served-view.ts';
import { readDemand, type Demand, type ReadDemand } from './demand.ts';
import type { Lacking, WaitOutcome } from './waiting-room.ts';

type Refused = Extract<GatedRead<never>, { readonly ok: false }>;

/** What a request asks for by its headers. */
export function demandOf({ view, consistency }: ServedView, request: IncomingMessage): ReadDemand {
  const token = headerText(request.headers['consistency-token']);
  if (token === undefined) return none;
  return readDemand(consistency.tokenKeys, view.sources, {
    token,
    prefer: headerText(request.headers['prefer']),
  });
}

const none: ReadDemand = { kind: 'none' };

/**
 * Reads once the view shows what the demand asks for, and sets the headers of an answer to it. `shows` spares the
 * question for what is applied where the answer itself tells. Under `handling=lenient` the reader is given what there
 * is, marked as stale, whatever kept it from waiting to the end.
 */
export function readConsistently<T>(
  served: ServedView,
  {
    demand,
    response,
  }: {
    readonly demand: Exclude<ReadDemand, { kind: 'malformed' }>;
    readonly response: ServerResponse;
  },
  read: () => Promise<GatedRead<T>>,
  shows?: (value: T, demand: Demand) => boolean,
): Promise<GatedRead<T>> {
  if (demand.kind === 'none') return read();
  return readShowing(served, { demand, response }, read, shows);
}

async function readShowing<T>(
  served: ServedView,
  { demand, response }: { readonly demand: Demand; readonly response: ServerResponse },
  read: () => Promise<GatedRead<T>>,
  shows?: (value: T, demand: Demand) => boolean,
): Promise<GatedRead<T>> {
  markAnswer(response, demand);
  if (shows !== undefined) {
    const first = await read();
    // What is missing in a view that is being built may come while this waits.
    if (first.ok ? shows(first.value, demand) : first.refusal !== 'view-building') return first;
  }
  const outcome = await waitFor(served, demand, response);
  if (outcome.kind === 'passed') return read();
  if (demand.handling === 'strict') return refusalOf(served, demand, outcome);
  response.setHeader('consistency-status', 'stale').setHeader('cache-control', 'no-store');
  return read();
}

async function waitFor(
  { view, reader, consistency }: ServedView,
  { awaited, waitMs }: Demand,
  response: ServerResponse,
): Promise<WaitOutcome> {
  if (awaited.length === 0) return { kind: 'passed' };
  // Whoever left during the first read is told of no more.
  if (response.closed) return { kind: 'abandoned' };
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  response.once('close', leave);
  const { version, standing } = reader;
  const waited = { name: view.name, version, standing };
  const outcome = await consistency.waitingRoom.wait(waited, awaited, {
    waitMs,
    abandoned: gone.signal,
  });
  response.off('close', leave);
  return outcome;
}

/** Whoever shares a cache with others may know other tokens: only the client's own may keep such an answer. */
function markAnswer(response: ServerResponse, { token, applied }: Demand): void {
  response.setHeader('consistency-token', token).setHeader('cache-control', 'private, no-cache');
  if (applied !== '') response.setHeader('preference-applied', applied);
}

function refusalOf(
  { view }: ServedView,
  { waitMs }: Demand,
  outcome: Exclude<WaitOutcome, { readonly kind: 'passed' }>,
): Refused {
  switch (outcome.kind) {
    case 'store-unavailable':
      return { ok: false, refusal: outcome.kind, detail: outcome.detail };
    case 'overloaded': {
      const detail =
        'More reads wait here for their token than this replica may hold. Try again, or take what there is with Prefer: handling=lenient.';
      return { ok: false, refusal: outcome.kind, detail };
    }
    case 'abandoned':
      return late('the client has gone');
    case 'halted':
    case 'dead-lettered':
      return keptFromComing(view.name, outcome.lacking);
    case 'late':
    case 'stopping': {
      const { topic, id, version, applied, standing } = outcome.lacking;
      const halted =
        standing.kind === 'doubtful'
          ? ` (${standing.topicPartition} stands still; if it is among its keys, it waits for ${retryCommand(view.name)})`
          : '';
      const why =
        outcome.kind === 'late'
          ? `waited ${waitMs / 1_000} s`
          : 'this replica stops; another serves';
      return late(
        `the token asks for version ${version} of "${id}" (${topic}), the view ${view.name} has version ${applied}${halted}; ${why}`,
      );
    }
  }
}

function late(what: string): Refused {
  const detail = `The view has not caught up: ${what}. Try again, wait longer with Prefer: wait=10, or take what there is with Prefer: handling=lenient.`;
  return { ok: false, refusal: 'consistency-timeout', detail };
}

/** What does not come by itself is said at once, since no waiting helps. */
function keptFromComing(view: string, { topic, id, version, applied, standing }: Lacking): Refused {
  const what = `the token asks for version ${version} of "${id}" (${topic}), and the view ${view} has version ${applied}`;
  const instead = 'Take what there is with Prefer: handling=lenient, or drop the token.';
  if (standing.kind === 'halted') {
    const { topicPartition, offset } = standing;
    const detail = `The view stands still there: ${what} until the event at offset ${offset} of ${topicPartition} is retried. The service’s operators do that by ${retryCommand(view)} --key ${id}. ${instead}`;
    return { ok: false, refusal: 'view-halted', detail };
  }
  const detail = `The view goes without that event, which is among its dead letters: ${what} until the aggregate is written again. ${instead}`;
  return { ok: false, refusal: 'event-dead-lettered', detail };
}

function retryCommand(view: string): string {
  return `node services/projector/src/retry-halted.ts --view ${view}`;
}

/** A header that occurs several times is one list. */
function headerText(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value.join(', ') : value;
}
