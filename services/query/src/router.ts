import type { WrittenDocument } from '@cqrs/runtime/describe/api-document.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asksForKeys } from './keys-request.ts';
import type { QueryParameters } from './list-request.ts';
import { parametersOf, type RequestTarget } from './request-target.ts';
import { sendDescription } from './routes/description.ts';
import { sendDocument } from './routes/document.ts';
import { sendKeys } from './routes/keys.ts';
import { sendList } from './routes/list.ts';
import { negotiated } from './routes/negotiated.ts';
import { streamDocument, streamList } from './routes/stream.ts';
import { methodsOffered } from './routes/unrouted.ts';
import type { ServedView } from './served-view.ts';

export type Route = {
  /** The path with names where values stand, as traces show it. */
  readonly path: string;
  readonly answer: (
    request: IncomingMessage,
    response: ServerResponse,
    target: RequestTarget,
  ) => void | Promise<void>;
};

/** Finds the route of a request by its method and the segments of its path: two routes a view, and their description. */
export function createRouter(
  views: readonly ServedView[],
  description: () => WrittenDocument,
): (method: string | undefined, segments: readonly string[]) => Route | undefined {
  const described: Route = {
    path: '/openapi.json',
    answer: (request, response) => sendDescription(description(), request, response),
  };
  // No view's name has a dot, so none is hidden.
  const lists = new Map([['openapi.json', described]]);
  const documents = new Map<string, Route>();
  for (const served of views) {
    lists.set(served.view.name, listRoute(served));
    documents.set(served.view.name, documentRoute(served));
  }
  const bySegments = [undefined, lists, documents];
  return (method, segments) =>
    methodsOffered.includes(method ?? '')
      ? bySegments[segments.length]?.get(segments[0] ?? '')
      : undefined;
}

function documentRoute(served: ServedView): Route {
  const answer = negotiated<string>({
    json: (request, response, key) => sendDocument(served, key, request, response),
    eventStream: (request, response, key) => streamDocument(served, key, request, response),
  });
  return {
    path: `/${served.view.name}/:key`,
    answer: (request, response, { segments }) => answer(request, response, segments[1] ?? ''),
  };
}

function listRoute(served: ServedView): Route {
  const answer = negotiated<QueryParameters>({
    json: (request, response, query) =>
      asksForKeys(query)
        ? sendKeys(served, query, request, response)
        : sendList(served, query, request, response),
    eventStream: (request, response, query) => streamList(served, query, request, response),
  });
  return {
    path: `/${served.view.name}`,
    answer: (request, response, { query }) => answer(request, response, parametersOf(query)),
  };
}
