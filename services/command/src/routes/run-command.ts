import type { RequestSpans } from '@cqrs/runtime/telemetry/request-spans.ts';
import { wellFormedTraceparent } from '@cqrs/runtime/telemetry/traceparent.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Admission } from '../admission.ts';
import type { Aggregate } from '../aggregate.ts';
import { nothingBrought, type Brought, type Consistency } from '../consistency.ts';
import type { Command } from '../decide.ts';
import { handleCommand, type Intent, type Outcome } from '../handle-command.ts';
import { newId } from '../identifiers.ts';
import { fingerprintOf, keyInProgress, type Once } from '../idempotency.ts';
import type { KeysUnderWay } from '../keys-under-way.ts';
import type { Metrics } from '../metrics.ts';
import { formatEntityTag } from '../preconditions.ts';
import { sendProblem } from '../problem-reply.ts';
import { WriteStoreError } from '../store-failure.ts';
import type { Store } from '../store.ts';
import { headerOf, readHead, type Head } from './request-head.ts';

export type AggregateApi = {
  readonly aggregate: Aggregate;
  readonly store: Store;
  readonly admission: Admission;
  readonly keysUnderWay: KeysUnderWay;
  readonly consistency: Consistency;
  readonly metrics: Metrics;
  readonly spans: RequestSpans | undefined;
  readonly onStore: (failure: WriteStoreError | null) => void;
};

export type Exchange = { readonly request: FastifyRequest; readonly reply: FastifyReply };

/** What every command has, whatever it does. */
export type Parts = Pick<
  Command,
  'aggregate' | 'id' | 'ifMatch' | 'ifNoneMatch' | 'traceparent'
> & {
  readonly once: Once | null;
};

/** Runs a command in its turn, once if it has an idempotency key, and answers with what became of it. */
export async function runCommand(
  api: AggregateApi,
  exchange: Exchange,
  toIntent: (parts: Parts) => Intent,
): Promise<FastifyReply> {
  const { request, reply } = exchange;
  const head = readHead(request, api.consistency);
  if (!head.ok) return sendProblem(reply, head.code, head.detail);
  const intent = toIntent(partsOf(api, request, head));
  const { once } = intent;
  if (once === null) return answer(api, exchange, { head, intent });
  const key = `${api.aggregate.name}/${once.key}`;
  const answered = await api.keysUnderWay.run(key, async () =>
    answer(api, exchange, { head, intent }),
  );
  return (
    answered ?? sendOutcome(api, reply, { brought: nothingBrought, outcome: keyInProgress(once) })
  );
}

function partsOf(
  { aggregate, spans }: AggregateApi,
  request: FastifyRequest,
  { id = newId(), ifMatch, ifNoneMatch, idempotencyKey }: Head,
): Parts {
  const traceparent = traceparentOf(request, spans);
  const once = idempotencyKey === undefined ? null : onceOf(request, idempotencyKey);
  return { aggregate, id, ifMatch, ifNoneMatch, traceparent, once };
}

/** What the command's events are caused by: its span, or without tracing what the client's span is. */
function traceparentOf(request: FastifyRequest, spans: RequestSpans | undefined): string | null {
  const given = wellFormedTraceparent(headerOf(request, 'traceparent'));
  const span = spans?.of(request.raw);
  if (span === undefined) return given;
  // A trace that nobody began and nobody records is not worth a column.
  return span.isSampled || given !== null ? span.traceparent : null;
}

function onceOf(request: FastifyRequest, key: string): Once {
  const { method, url, body } = request;
  const fingerprint = fingerprintOf({
    method,
    path: url,
    ifMatch: headerOf(request, 'if-match'),
    ifNoneMatch: headerOf(request, 'if-none-match'),
    body: Buffer.isBuffer(body) ? body : undefined,
  });
  return { key, fingerprint };
}

async function answer(
  api: AggregateApi,
  { reply }: Exchange,
  { head, intent }: { readonly head: Head; readonly intent: Intent },
): Promise<FastifyReply> {
  const { id, isNew } = intent;
  // An id that was just made is nobody else's; there is nothing to wait for.
  const key = isNew ? null : `${api.aggregate.name}/${id}`;
  const admitted = await api.admission
    .run(key, async () => handleCommand(api.store, intent, newId))
    .catch((error: unknown) => {
      throw isNew && error instanceof WriteStoreError ? error.ofCreating(id) : error;
    });
  if (!admitted.admitted) return sendOverloaded(api, reply);
  api.onStore(null);
  const outcome = admitted.value;
  if (isNew && outcome.kind === 'written') {
    void reply.header('location', `/${api.aggregate.name}/${outcome.id}`);
  }
  return sendOutcome(api, reply, { brought: head.brought, outcome });
}

export function sendOverloaded(
  { metrics, aggregate }: AggregateApi,
  reply: FastifyReply,
): FastifyReply {
  metrics.outcomes.inc({ aggregate: aggregate.name, outcome: 'overloaded' });
  return sendProblem(
    reply,
    'overloaded',
    'This replica has more requests in hand than it works off in time; this one was not begun.',
  );
}

function sendOutcome(
  { metrics, aggregate, consistency }: AggregateApi,
  reply: FastifyReply,
  of: { readonly brought: Brought; readonly outcome: Outcome },
): FastifyReply {
  const { outcome } = of;
  metrics.outcomes.inc({ aggregate: aggregate.name, outcome: labelOf(outcome) });
  if (outcome.kind === 'refused') {
    const { code, detail, errors } = outcome;
    return sendProblem(reply, code, detail, errors && { errors });
  }
  const { id, version } = outcome;
  if (version > 0) {
    const written = { aggregate: aggregate.name, id, version };
    void reply
      .header('etag', formatEntityTag(version))
      .headers(consistency.cover(of.brought, written));
  }
  const { method } = reply.request;
  if (method === 'DELETE') return reply.code(204).send();
  return reply
    .code(outcome.kind === 'written' && outcome.change === 'created' ? 201 : 200)
    .type('application/json')
    .send(JSON.stringify({ id, version }));
}

function labelOf(outcome: Outcome): string {
  if (outcome.kind === 'refused') return outcome.code;
  return outcome.kind === 'unchanged' ? outcome.kind : outcome.change;
}
