import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from '../problem-reply.ts';
import type { ServedView } from '../served-view.ts';

const methodsOffered = ['GET', 'HEAD'];

/** What no route takes: another view, another method, or a path that is too long. */
export function sendUnrouted(
  views: readonly ServedView[],
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const [name = '', ...rest] = (request.url.split('?')[0] ?? '').slice(1).split('/');
  if (!views.some(({ view }) => view.name === name)) {
    const known = views.map(({ view }) => `/${view.name}`).join(', ');
    const detail = `There is no view at /${name}; the views are ${known === '' ? 'none' : known}.`;
    return sendProblem(reply, 'unknown-view', detail);
  }
  if (!methodsOffered.includes(request.method)) {
    void reply.header('allow', methodsOffered.join(', '));
    const detail = `${request.method} is not offered here: views are only read. Commands go to the command service.`;
    return sendProblem(reply, 'method-not-allowed', detail);
  }
  const detail = `A document's path is /${name}/<key>, and ${rest.length} segments follow the view; write a slash in a key as %2F.`;
  return sendProblem(reply, 'not-found', detail);
}
