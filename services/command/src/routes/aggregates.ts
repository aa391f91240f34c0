import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { takeRoomForBody, type BodyRooms } from '../body-rooms.ts';
import type { Command } from '../decide.ts';
import { intentOf } from '../handle-command.ts';
import { parseObject, type JsonObject } from '../json.ts';
import { formatEntityTag, matches } from '../preconditions.ts';
import { sendProblem } from '../problem-reply.ts';
import { readHead } from './request-head.ts';
import {
  runCommand,
  sendOverloaded,
  type AggregateApi,
  type Exchange,
  type Parts,
} from './run-command.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The aggregate that a route is about. */
    readonly aggregate?: string;
  }
}

export const methodsOffered = {
  collection: ['POST'],
  aggregate: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'],
} as const;

/** The routes of one aggregate, as a fastify plugin. */
export function aggregateRoutes(api: AggregateApi, rooms: BodyRooms) {
  const config = { aggregate: api.aggregate.name };
  const path = `/${api.aggregate.name}`;

  return async (app: FastifyInstance): Promise<void> => {
    app.addHook('preParsing', takeRoomForBody(rooms));
    app.addContentTypeParser('application/json', { parseAs: 'buffer' }, asItIs);
    app.post(path, { config }, async (request, reply) => {
      return write(api, { request, reply }, (parts) => ({ ...parts, kind: 'create' }));
    });
    app.put(`${path}/:id`, { config }, async (request, reply) => {
      return write(api, { request, reply }, (parts) => ({ ...parts, kind: 'replace' }));
    });
    app.delete(`${path}/:id`, { config }, async (request, reply) => {
      return runCommand(api, { request, reply }, ({ once, ...parts }) =>
        intentOf({ ...parts, kind: 'delete', body: null }, once),
      );
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
export function asItIs(
  _request: FastifyRequest,
  body: Buffer,
  done: (error: null, body: Buffer) => void,
): void {
  done(null, body);
}

async function write(
  api: AggregateApi,
  exchange: Exchange,
  toCommand: (parts: Omit<Parts, 'once'> & { readonly body: JsonObject }) => Command,
): Promise<FastifyReply> {
  const { body } = exchange.request;
  const parsed = parseObject(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
  if (!parsed.ok) {
    return sendProblem(exchange.reply, 'malformed-body', parsed.detail, { errors: parsed.errors });
  }
  return runCommand(api, exchange, ({ once, ...parts }) =>
    intentOf(toCommand({ ...parts, body: parsed.value }), once),
  );
}

export async function read(api: AggregateApi, { request, reply }: Exchange): Promise<FastifyReply> {
  const { name } = api.aggregate;
  const head = readHead(request, api.consistency);
  if (!head.ok) return sendProblem(reply, head.code, head.detail);
  const { id = '', ifNoneMatch } = head;
  const admitted = await api.admission.run(null, async () =>
    api.store.read({ aggregate: name, id }),
  );
  if (!admitted.admitted) return sendOverloaded(api, reply);
  api.onStore(null);
  const found = admitted.value;
  if (found !== undefined) {
    const { version } = found;
    void reply.headers(api.consistency.cover(head.brought, { aggregate: name, id, version }));
  }
  if (found === undefined || found.stateText === null) {
    return sendProblem(reply, 'not-found', `There is no ${name} with the id ${id}.`);
  }
  void reply.header('etag', formatEntityTag(found.version)).header('cache-control', 'no-store');
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, found.version)) {
    return reply.code(304).send();
  }
  return reply.type('application/json').send(found.stateText);
}
