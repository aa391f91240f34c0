import { answerClientError } from '@cqrs/runtime/client-error.ts';
import type { WrittenDocument } from '@cqrs/runtime/describe/api-document.ts';
import { inTurn } from '@cqrs/runtime/in-turn.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import type { RequestSpans } from '@cqrs/runtime/telemetry/request-spans.ts';
import { createServer, type RequestListener, type Server } from 'node:http';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { ConnectionRotation } from './connection-rotation.ts';
import { asksForKeys } from './keys-request.ts';
import { sendProblem } from './problem-reply.ts';
import { descriptionRoute } from './routes/description.ts';
import { sendDocument, type DocumentRoute } from './routes/document.ts';
import { sendKeys } from './routes/keys.ts';
import { sendList, type ListRoute } from './routes/list.ts';
import { negotiated } from './routes/negotiated.ts';
import { streamDocument, streamList } from './routes/stream.ts';
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
/** How long a connection is kept on which nobody asks. */
const idleMsMax = 72_000;
/** Longer than any key that could be right, so that a wrong one is answered and not lost in routing. */
const keyCharactersMax = 4_096;

/** The HTTP side of the query service: two routes a view, and one place where what goes wrong becomes a problem. */
export function buildApp(options: AppOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    serverFactory: (handle) => createRequestServer(handle, options.isStopping),
    clientErrorHandler: answerClientError,
    return503OnClosing: false,
    routerOptions: { maxParamLength: keyCharactersMax },
    frameworkErrors: (error, _request, reply) =>
      void sendProblem(reply as FastifyReply, 'malformed-request', `${error.message}.`),
  });
  if (options.spans !== undefined) traceRequests(app, options.spans);
  for (const served of options.views) {
    const path = `/${served.view.name}`;
    app.get<DocumentRoute>(
      `${path}/:key`,
      negotiated<DocumentRoute>({
        json: (request, reply) => sendDocument(served, request, reply),
        eventStream: (request, reply) => streamDocument(served, request, reply),
      }),
    );
    app.get<ListRoute>(
      path,
      negotiated<ListRoute>({
        json: (request, reply) =>
          asksForKeys(request.query)
            ? sendKeys(served, request, reply)
            : sendList(served, request, reply),
        eventStream: (request, reply) => streamList(served, request, reply),
      }),
    );
  }
  app.register(descriptionRoute(options.description));
  app.register(async (unrouted) => refuseUnrouted(unrouted, options.views));
  app.setErrorHandler((error, request, reply) => {
    const traceId = options.spans?.of(request.raw)?.traceId;
    options.logger.error({ err: error, trace_id: traceId }, 'A request failed');
    return sendProblem(reply, 'internal-error', 'The failure is in the log of the query service.');
  });
  return app;
}

function traceRequests(app: FastifyInstance, spans: RequestSpans): void {
  app.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url;
    if (route !== undefined) spans.begin(request.raw, reply.raw, route);
    done();
  });
}

/** What every request passes stands here before the framework, because each of its hooks costs every read about 0.4 µs. */
function createRequestServer(handle: RequestListener, isStopping: () => boolean): Server {
  const rotation = new ConnectionRotation();
  const options = {
    requestTimeout: requestMsMax,
    keepAliveTimeout: idleMsMax,
    // Without a Host, routing is the same; Node's own refusal would be no problem document.
    requireHostHeader: false,
  };
  const server = createServer(options, (request, response) =>
    inTurn(request, response, () => {
      if (isStopping() || rotation.isDue(request.socket, Date.now())) {
        response.setHeader('connection', 'close');
      }
      handle(request, response);
    }),
  );
  server.on('connection', (socket) => rotation.opened(socket, Date.now(), Math.random()));
  return server;
}

/** Refuses in a hook of its own scope, before a body is read: whatever it is, nothing here takes one. */
function refuseUnrouted(app: FastifyInstance, views: readonly ServedView[]): void {
  app.addHook('onRequest', (request, reply) => void sendUnrouted(views, request, reply));
  app.setNotFoundHandler((request, reply) => sendUnrouted(views, request, reply));
}
