import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Admission } from '../admission.ts';
import type { Aggregate } from '../aggregate.ts';
import type { Command } from '../decide.ts';
import { handleCommand, type Outcome } from '../handle-command.ts';
import { idProblem, newId, wellFormedTraceparent } from '../identifiers.ts';
import { parseObject, type JsonObject } from '../json.ts';
import type { Metrics } from '../metrics.ts';
import { formatEntityTag, matches, parseEntityTags, type EntityTags } from '../preconditions.ts';
import { sendProblem } from '../problem-reply.ts';
import type { WriteStoreError } from '../store-failure.ts';
import type { Store } from '../store.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The aggregate that a route is about. */
    readonly aggregate?: string;
  }
}

export type AggregateApi = {
  readonly aggregate: Aggregate;
  readonly store: Store;
  readonly admission: Admission;
  readonly metrics: Metrics;
  readonly onStore: (failure: WriteStoreError | null) => void;
};

export const methodsOffered = {
  collection: ['POST'],
  aggregate: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'],
} as const;

type Exchange = { readonly request: FastifyRequest; readonly reply: FastifyReply };
/** What every command has, whatever it does. */
type Parts = Pick<Command, 'aggregate' | 'id' | 'ifMatch' | 'ifNoneMatch' | 'traceparent'>;

/** The routes of one aggregate, as a fastify plugin. */
export function aggregateRoutes(api: AggregateApi) {
  const config = { aggregate: api.aggregate.name };
  const path = `/${api.aggregate.name}`;

  return async (app: FastifyInstance): Promise<void> => {
    app.addContentTypeParser('application/json', { parseAs: 'buffer' }, asItIs);
    app.post(path, { config }, async (request, reply) => {
      return write(api, { request, reply }, (parts) => ({ ...parts, kind: 'create' }));
    });
    app.put(`${path}/:id`, { config }, async (request, reply) => {
      return write(api, { request, reply }, (parts) => ({ ...parts, kind: 'replace' }));
    });
    app.delete(`${path}/:id`, { config }, async (request, reply) => {
      return run(api, { request, reply }, (parts) => ({ ...parts, kind: 'delete', body: null }));
    });
    app.get(`${path}/:id`, { config }, async (request, reply) => read(api, { request, reply }));
    app.register(async (patching) => {
      patching.addContentTypeParser('application/merge-patch+json', { parseAs: 'buffer' }, asItIs);
      patching.patch(`${path}/:id`, { config }, async (request, reply) => {
        return write(api, { request, reply }, (parts) => ({ ...parts, kind: 'patch' }));
      });
    });
  };
}

/** Bodies are parsed after routing and by us, so that a wrong one is an answer and not an exception. */
function asItIs(
  _request: FastifyRequest,
  body: Buffer,
  done: (error: null, body: Buffer) => void,
): void {
  done(null, body);
}

async function write(
  api: AggregateApi,
  exchange: Exchange,
  toCommand: (parts: Parts & { readonly body: JsonObject }) => Command,
): Promise<FastifyReply> {
  const { body } = exchange.request;
  const parsed = parseObject(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
  if (!parsed.ok) {
    return sendProblem(exchange.reply, 'malformed-body', parsed.detail, parsed.errors);
  }
  return run(api, exchange, (parts) => toCommand({ ...parts, body: parsed.value }));
}

async function run(
  api: AggregateApi,
  { request, reply }: Exchange,
  toCommand: (parts: Parts) => Command,
): Promise<FastifyReply> {
  const head = readHead(request);
  if (!head.ok) return sendProblem(reply, 'malformed-request', head.detail);
  const { id = newId(), ifMatch, ifNoneMatch } = head;
  const traceparent = wellFormedTraceparent(header(request, 'traceparent'));
  const command = toCommand({ aggregate: api.aggregate, id, ifMatch, ifNoneMatch, traceparent });
  // An id that was just made is nobody else's; there is nothing to wait for.
  const key = head.id === undefined ? null : `${api.aggregate.name}/${id}`;
  const admitted = await api.admission.run(key, async () =>
    handleCommand(api.store, command, newId),
  );
  if (!admitted.admitted) return sendOverloaded(api, reply);
  api.onStore(null);
  return sendOutcome(api, reply, { command, outcome: admitted.value });
}

async function read(api: AggregateApi, { request, reply }: Exchange): Promise<FastifyReply> {
  const { name } = api.aggregate;
  const head = readHead(request);
  if (!head.ok) return sendProblem(reply, 'malformed-request', head.detail);
  const { id = '', ifNoneMatch } = head;
  const admitted = await api.admission.run(null, async () =>
    api.store.read({ aggregate: name, id }),
  );
  if (!admitted.admitted) return sendOverloaded(api, reply);
  api.onStore(null);
  const found = admitted.value;
  if (found === undefined || found.stateText === null) {
    return sendProblem(reply, 'not-found', `There is no ${name} with the id ${id}.`);
  }
  void reply.header('etag', formatEntityTag(found.version)).header('cache-control', 'no-store');
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, found.version)) {
    return reply.code(304).send();
  }
  return reply.type('application/json').send(found.stateText);
}

function sendOverloaded({ metrics, aggregate }: AggregateApi, reply: FastifyReply): FastifyReply {
  metrics.outcomes.inc({ aggregate: aggregate.name, outcome: 'overloaded' });
  return sendProblem(
    reply,
    'overloaded',
    'More requests wait for Postgres than this replica may queue; this one was not begun.',
  );
}

function sendOutcome(
  { metrics, aggregate }: AggregateApi,
  reply: FastifyReply,
  { command, outcome }: { readonly command: Command; readonly outcome: Outcome },
): FastifyReply {
  const what = outcome.kind === 'refused' ? outcome.code : outcome.change;
  metrics.outcomes.inc({ aggregate: aggregate.name, outcome: what });
  if (outcome.kind === 'refused') {
    return sendProblem(reply, outcome.code, outcome.detail, outcome.errors);
  }
  const { change, id, version } = outcome;
  void reply.header('etag', formatEntityTag(version));
  if (change === 'deleted') return reply.code(204).send();
  if (command.kind === 'create') void reply.header('location', `/${aggregate.name}/${id}`);
  return reply
    .code(change === 'created' ? 201 : 200)
    .type('application/json')
    .send(JSON.stringify({ id, version }));
}

type Head =
  | {
      readonly ok: true;
      /** Absent where the path names no single aggregate. */
      readonly id: string | undefined;
      readonly ifMatch: EntityTags | undefined;
      readonly ifNoneMatch: EntityTags | undefined;
    }
  | { readonly ok: false; readonly detail: string };

function readHead(request: FastifyRequest): Head {
  const { id } = request.params as { readonly id?: string };
  const wrongId = id === undefined ? undefined : idProblem(id);
  if (wrongId !== undefined) return { ok: false, detail: wrongId };
  const ifMatch = parseEntityTags('if-match', header(request, 'if-match'));
  if (!ifMatch.ok) return ifMatch;
  const ifNoneMatch = parseEntityTags('if-none-match', header(request, 'if-none-match'));
  if (!ifNoneMatch.ok) return ifNoneMatch;
  return { ok: true, id, ifMatch: ifMatch.tags, ifNoneMatch: ifNoneMatch.tags };
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
