import type { FastifyReply, FastifyRequest, RouteGenericInterface } from 'fastify';
import { preferredType } from '../accept-header.ts';
import { sendProblem } from '../problem-reply.ts';

type Answer<R extends RouteGenericInterface> = (
  request: FastifyRequest<R>,
  reply: FastifyReply,
) => FastifyReply | Promise<FastifyReply>;

/** Answers in the form that the client accepts: JSON, or live updates where there are any. */
export function negotiated<R extends RouteGenericInterface>(forms: {
  readonly json: Answer<R>;
  readonly eventStream: Answer<R>;
}): Answer<R> {
  return (request, reply) => {
    switch (preferredType(request.headers.accept)) {
      case 'json':
        return forms.json(request, reply);
      case 'event-stream':
        return forms.eventStream(request, reply);
      case null: {
        const detail = `Accept takes "${request.headers.accept}"; what is offered is application/json and text/event-stream.`;
        return sendProblem(reply, 'not-acceptable', detail);
      }
    }
  };
}
