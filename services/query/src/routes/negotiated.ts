import type { IncomingMessage, ServerResponse } from 'node:http';
import { preferredType } from '../accept-header.ts';
import { sendProblem } from '../problem-reply.ts';

/** `asked` is what the request's target names. */
type Answer<Asked> = (
  request: IncomingMessage,
  response: ServerResponse,
  asked: Asked,
) => void | Promise<void>;

/** Answers in the form that the client accepts: JSON, or live updates where there are any. */
export function negotiated<Asked>(forms: {
  readonly json: Answer<Asked>;
  readonly eventStream: Answer<Asked>;
}): Answer<Asked> {
  return (request, response, asked) => {
    const { accept } = request.headers;
    switch (preferredType(accept)) {
      case 'json':
        return forms.json(request, response, asked);
      case 'event-stream':
        return forms.eventStream(request, response, asked);
      case null: {
        const detail = `Accept takes "${accept}"; what is offered is application/json and text/event-stream.`;
        return sendProblem(response, 'not-acceptable', detail);
      }
    }
  };
}
