import type { Logger } from '@cqrs/runtime/logger.ts';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { ConnectionRotation } from './connection-rotation.ts';
import { sendProblem } from './problem-reply.ts';
import { sendDocument, type DocumentRoute } from './routes/document.ts';
import { sendList, type ListRoute } from './routes/list.ts';
import { sendUnrouted } from './routes/unrouted.ts';
import type { ServedView } from './served-view.ts';

export type AppOptions = {
  readonly views: readonly ServedView[];
  readonly logger: Logger;
  /** True once the process was told to stop: connections are then closed with their next answer. */
  readonly isStopping: () => boolean;
};

const requestMsMax = 30_000;
/** Longer than any key that could be right, so that a wrong one is answered and not lost in routing. */
const keyCharactersMax = 4_096;

/** The HTTP side of the query service: two routes a view, and one place where what goes wrong becomes a problem. */
export function buildApp(options: AppOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    requestTimeout: requestMsMax,
    return503OnClosing: false,
    routerOptions: { maxParamLength: keyCharactersMax },
    frameworkErrors: (error, _request, reply) =>
      void sendProblem(reply as FastifyReply, 'malformed-request', `${error.message}.`),
  });
  closeOldConnections(app, options.isStopping);
  for (const served of options.views) {
    const path = `/${served.view.name}`;
    app.get<DocumentRoute>(`${path}/:key`, (request, reply) =>
      sendDocument(served, request, reply),
    );
    app.get<ListRoute>(path, (request, reply) => sendList(served, request, reply));
  }
  app.setNotFoundHandler((request, reply) => sendUnrouted(options.views, request, reply));
  app.setErrorHandler((error, _request, reply) => {
    options.logger.error({ err: error }, 'A request failed');
    return sendProblem(reply, 'internal-error', 'The failure is in the log of the query service.');
  });
  return app;
}

function closeOldConnections(app: FastifyInstance, isStopping: () => boolean): void {
  const rotation = new ConnectionRotation();
  app.server.on('connection', (socket) => rotation.opened(socket, Date.now(), Math.random()));
  app.addHook('onRequest', (request, reply, done) => {
    if (isStopping() || rotation.isDue(request.socket, Date.now())) {
      reply.raw.setHeader('connection', 'close');
    }
    done();
  });
}
