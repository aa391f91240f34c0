import type { IncomingMessage, ServerResponse } from 'node:http';
import { semanticNames } from './semantic-names.ts';
import { wellFormedTraceparent } from './traceparent.ts';
import type { Span, Tracing } from './tracing.ts';

/** The spans of an HTTP server's requests. */
export type RequestSpans = {
  /** Begins the span of a request, below the client's if it has one; the end of the answer ends it. */
  readonly begin: (request: IncomingMessage, response: ServerResponse, route: string) => void;
  readonly of: (request: IncomingMessage) => Span | undefined;
};

export function createRequestSpans(tracing: Tracing | undefined): RequestSpans | undefined {
  if (tracing === undefined) return undefined;
  const spans = new WeakMap<IncomingMessage, Span>();
  return {
    begin: (request, response, route) => {
      const { method = '', headers } = request;
      const { traceparent } = headers;
      const span = tracing.start({
        name: `${method} ${route}`,
        kind: 'server',
        parent: wellFormedTraceparent(typeof traceparent === 'string' ? traceparent : undefined),
        attributes: { [semanticNames.requestMethod]: method, [semanticNames.route]: route },
      });
      spans.set(request, span);
      response.once('close', () => end(span, response));
    },
    of: (request) => spans.get(request),
  };
}

/** What the client did wrong is no error of a server; that it went away before its answer is told. */
function end(span: Span, response: ServerResponse): void {
  if (!response.writableFinished) return span.end({ error: 'canceled' });
  const { statusCode } = response;
  span.end({
    attributes: { [semanticNames.statusCode]: statusCode },
    ...(statusCode >= 500 ? { error: String(statusCode) } : {}),
  });
}
