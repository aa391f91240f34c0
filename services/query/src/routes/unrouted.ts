import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendProblem } from '../problem-reply.ts';
import type { ServedView } from '../served-view.ts';

export const methodsOffered: readonly string[] = ['GET', 'HEAD'];

/** What no route takes: another view, another method, or a path that is too long. */
export function sendUnrouted(
  views: readonly ServedView[],
  [name = '', ...rest]: readonly string[],
  { method = '' }: IncomingMessage,
  response: ServerResponse,
): void {
  if (!views.some(({ view }) => view.name === name)) {
    const known = views.map(({ view }) => `/${view.name}`).join(', ');
    const detail = `There is no view at /${name}; the views are ${known === '' ? 'none' : known}.`;
    return sendProblem(response, 'unknown-view', detail);
  }
  if (!methodsOffered.includes(method)) {
    response.setHeader('allow', methodsOffered.join(', '));
    const detail = `${method} is not offered here: views are only read. Commands go to the command service.`;
    return sendProblem(response, 'method-not-allowed', detail);
  }
  const detail = `A document's path is /${name}/<key>, and ${rest.length} segments follow the view; write a slash in a key as %2F.`;
  return sendProblem(response, 'not-found', detail);
}
