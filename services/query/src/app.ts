import { answerClientError } from '@cqrs/runtime/client-error.ts';
import { createServer } from '@cqrs/runtime/http-server.ts';
import type { WrittenDocument } from '@cqrs/runtime/describe/api-document.ts';
import { inTurn } from '@cqrs/runtime/in-turn.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import type { RequestSpans } from '@cqrs/runtime/telemetry/request-spans.ts';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { lookMs, OpenConnections } from './open-connections.ts';
import { sendProblem } from './problem-reply.ts';
import { readTarget } from './request-target.ts';
import { createRouter } from './router.ts';
import { sendUnrouted } from './routes/unrouted.ts';
import type { ServedView } from './served-view.ts';

export type AppOptions = {
  readonly views: readonly ServedView[];
  /** The OpenAPI document as it is now. */
  readonly description: () => WrittenDocument;
  /** Undefined while nothing is traced. */
  readonly spans: RequestSpans | undefined;
  readonly logger: Logger;
  /** True once the process was told to stop: connections are then closed with their next answer. */
  readonly isStopping: () => boolean;
};

const requestMsMax = 30_000;
/** Longer than a read may take. */
const closeMsMax = 5_000;

/** The HTTP side of the query service, not listening yet: Node's own server, because two routes a view need no framework. */
export function createApp(options: AppOptions): Server {
  const connections = new OpenConnections();
  const looking = setInterval(() => connections.look(performance.now()), lookMs);
  const answer = createAnswer(options);
  const settings = {
    requestTimeout: requestMsMax,
    // The looks at all connections find those that idle.
    keepAliveTimeout: 0,
    // Without a Host, routing is the same; Node's own refusal would be no problem document.
    requireHostHeader: false,
    // A request without a body then costs no stream of one.
    optimizeEmptyRequests: true,
  };
  return createServer(settings, (request, response) =>
    inTurn(request, response, () => {
      if (options.isStopping() || connections.isDue(request.socket)) {
        response.setHeader('connection', 'close');
      }
      answer(request, response);
    }),
  )
    .on('connection', (socket) => connections.opened(socket, performance.now(), Math.random()))
    .on('clientError', answerClientError)
    .on('close', () => clearInterval(looking));
}

/** Ends once what was asked is answered; a connection on which nobody ever asked counts for Node as one in use. */
export async function closeApp(app: Server): Promise<void> {
  const closed = once(app, 'close');
  app.close();
  const cutting = setTimeout(() => app.closeAllConnections(), closeMsMax);
  await closed;
  clearTimeout(cutting);
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Routes a request, and is the one place where what goes wrong becomes a problem. */
function createAnswer({ views, description, spans, logger }: AppOptions): Answer {
  const routeOf = createRouter(views, description);
  const fail = (error: unknown, request: IncomingMessage, response: ServerResponse): void => {
    logger.error({ err: error, trace_id: spans?.of(request)?.traceId }, 'A request failed');
    if (response.headersSent) response.destroy();
    else sendProblem(response, 'internal-error', 'The failure is in the log of the query service.');
  };
  const route = (request: IncomingMessage, response: ServerResponse): void | Promise<void> => {
    const { url = '' } = request;
    const target = readTarget(url);
    if (target === null) {
      sendProblem(response, 'malformed-request', `'${url}' is not a valid url component.`);
      return;
    }
    const found = routeOf(request.method, target.segments);
    if (found === undefined) {
      sendUnrouted(views, target.segments, request, response);
      return;
    }
    spans?.begin(request, response, found.path);
    return found.answer(request, response, target);
  };
  return (request, response) => {
    try {
      const sending = route(request, response);
      sending?.catch((error: unknown) => fail(error, request, response));
    } catch (error) {
      fail(error, request, response);
    }
  };
}
