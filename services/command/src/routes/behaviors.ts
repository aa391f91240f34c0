import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Behavior } from '../behavior/behavior.ts';
import { isName } from '../behavior/name-rule.ts';
import { takeRoomForBody, type BodyRooms } from '../body-rooms.ts';
import { parseObject, type Parsed } from '../json.ts';
import { sendProblem } from '../problem-reply.ts';
import { segmentsOf } from '../request-path.ts';
import { asItIs, read } from './aggregates.ts';
import { runCommand, type AggregateApi, type Exchange } from './run-command.ts';

/** In the place of an id: the service gives a new aggregate its own. */
const newOne = '-';

/** The routes of an aggregate that is written by named commands, as a fastify plugin. */
export function behaviorRoutes(api: AggregateApi, behavior: Behavior, rooms: BodyRooms) {
  const config = { aggregate: api.aggregate.name };
  const path = `/${api.aggregate.name}`;

  return async (app: FastifyInstance): Promise<void> => {
    app.addHook('preParsing', takeRoomForBody(rooms));
    app.addContentTypeParser('application/json', { parseAs: 'buffer' }, asItIs);
    app.get(`${path}/:id`, { config }, async (request, reply) => read(api, { request, reply }));
    const commandApi = { ...api, admission: behavior.admission };
    for (const id of [newOne, ':id']) {
      app.post(`${path}/${id}/:command`, { config }, async (request, reply) =>
        command(commandApi, behavior, { request, reply }),
      );
    }
  };
}

async function command(
  api: AggregateApi,
  behavior: Behavior,
  exchange: Exchange,
): Promise<FastifyReply> {
  const { request, reply } = exchange;
  const { command: name = '', id: givenId } = request.params as Readonly<Record<string, string>>;
  const offer = behavior.offer();
  if (!offer.ok) return sendProblem(reply, 'behavior-unavailable', offer.reason);
  const listed = offer.commands?.get(name);
  if (!isName(name) || (offer.commands !== undefined && listed === undefined)) {
    const detail = `There is no command ${name}. ${howToWrite(api.aggregate.name, behavior)}`;
    return sendProblem(reply, 'unknown-command', detail);
  }
  const parsed = readData(request.body);
  if (!parsed.ok)
    return sendProblem(reply, 'malformed-body', parsed.detail, { errors: parsed.errors });
  const data = parsed.value;
  const errors = listed?.validate(data) ?? [];
  if (errors.length > 0) {
    const detail = `The body does not fit the schema of the command ${name}.`;
    return sendProblem(reply, 'malformed-body', detail, { errors });
  }
  const now = new Date().toISOString();
  return runCommand(api, exchange, ({ once, traceparent, ...target }) => ({
    aggregate: target.aggregate,
    id: target.id,
    isNew: givenId === undefined,
    traceparent,
    once,
    decide: async (current) => behavior.decide({ ...target, name, data, now }, current),
  }));
}

/** A command that says nothing beside its name needs no body. */
function readData(body: unknown): Parsed {
  if (!Buffer.isBuffer(body) || body.length === 0) return { ok: true, value: {} };
  return parseObject(body);
}

/** The answer to a request below an aggregate with behavior that has no route. */
export function noSuchCommandRoute(
  request: FastifyRequest,
  reply: FastifyReply,
  behavior: Behavior,
): FastifyReply {
  const [name = '', ...below] = segmentsOf(request.url);
  const allowed = below.includes('') ? undefined : [[], ['GET', 'HEAD'], ['POST']][below.length];
  const sentence = howToWrite(name, behavior);
  if (allowed === undefined) {
    return sendProblem(reply, 'not-found', `Nothing is here. ${sentence}`);
  }
  void reply.header('allow', allowed.join(', '));
  return sendProblem(
    reply,
    'method-not-allowed',
    `${request.method} is not offered here. ${sentence}`,
  );
}

function howToWrite(aggregate: string, behavior: Behavior): string {
  const offer = behavior.offer();
  const names = offer.ok ? [...(offer.commands?.keys() ?? [])] : [];
  const list = names.length === 0 ? '' : `, where <command> is one of ${names.join(', ')}`;
  return `What is under /${aggregate} is written with POST /${aggregate}/<id>/<command>${list}; "${newOne}" as the id makes a new one.`;
}
