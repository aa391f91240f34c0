import type { Logger } from '@cqrs/runtime/logger.ts';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Admission } from './admission.ts';
import type { Aggregate } from './aggregate.ts';
import { stateBytesMax } from './decide.ts';
import type { Metrics } from './metrics.ts';
import { sendProblem } from './problem-reply.ts';
import { segmentsOf } from './request-path.ts';
import { aggregateRoutes, methodsOffered } from './routes/aggregates.ts';
import { WriteStoreError } from './store-failure.ts';
import type { Store } from './store.ts';

export type AppOptions = {
  readonly aggregates: ReadonlyMap<string, Aggregate>;
  readonly store: Store;
  readonly admission: Admission;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** True once the process was told to stop: connections are then closed after their answer. */
  readonly isStopping: () => boolean;
  /** Told of each failure of Postgres, and of each answer that it gave. */
  readonly onStore: (failure: WriteStoreError | null) => void;
};

const bodyBytesMax = stateBytesMax;
const requestMsMax = 30_000;
/** Longer than any id or name that could be right, so that a wrong one is answered and not lost in routing. */
const pathSegmentCharsMax = 4_096;

/** The HTTP side of the command service: routes, and one place where everything that goes wrong becomes a problem. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { metrics, logger, isStopping } = options;
  const app = Fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: requestMsMax,
    // A connection that is closing still gets our own answer, a problem with a remedy.
    return503OnClosing: false,
    routerOptions: { maxParamLength: pathSegmentCharsMax },
    frameworkErrors: (error, _request, reply) =>
      void sendProblem(reply as FastifyReply, 'malformed-request', `${error.message}.`),
  });
  // Bodies are read by our own parser, which says where a body is wrong.
  app.removeAllContentTypeParsers();
  // Hooks with `done` and not with promises: they run for every request.
  app.addHook('onRequest', (request, reply, done) => {
    if (isStopping()) void reply.header('connection', 'close');
    if (request.is404) nothingRoutedHere(request, reply, options.aggregates);
    else done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { aggregate } = request.routeOptions.config;
    metrics.duration.observe(
      { aggregate: aggregate ?? '', method: request.method, status: reply.statusCode },
      reply.elapsedTime / 1000,
    );
    done();
  });
  app.setErrorHandler((error, _request, reply) => answerFailure(error, reply, options));
  for (const aggregate of options.aggregates.values()) {
    app.register(aggregateRoutes({ ...options, aggregate }));
  }
  app.addHook('onClose', async () => logger.debug('HTTP server closed'));
  return app;
}

function nothingRoutedHere(
  request: FastifyRequest,
  reply: FastifyReply,
  aggregates: AppOptions['aggregates'],
): FastifyReply {
  const [name = '', id, ...more] = segmentsOf(request.url);
  if (!aggregates.has(name)) {
    const known = [...aggregates.keys()].map((aggregate) => `/${aggregate}`).join(', ');
    return sendProblem(
      reply,
      'unknown-aggregate',
      `Nothing is written under /${name}; the aggregates are ${known}.`,
    );
  }
  if (more.length > 0 || id === '') {
    return sendProblem(reply, 'not-found', `An aggregate's path is /${name}/<id>.`);
  }
  const offered = id === undefined ? methodsOffered.collection : methodsOffered.aggregate;
  void reply.header('allow', offered.join(', '));
  const lists = id === undefined ? ' Lists are read from the query side.' : '';
  return sendProblem(
    reply,
    'method-not-allowed',
    `${request.method} is not offered here; ${offered.join(', ')} ${offered.length === 1 ? 'is' : 'are'}.${lists}`,
  );
}

const malformedBodies = new Set([
  'FST_ERR_CTP_INVALID_CONTENT_LENGTH',
  'FST_ERR_CTP_EMPTY_JSON_BODY',
]);

function answerFailure(error: unknown, reply: FastifyReply, options: AppOptions): FastifyReply {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return sendProblem(reply, 'body-too-large', `A body has at most ${bodyBytesMax} bytes.`);
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    const more = reply.request.method === 'PATCH' ? ' or application/merge-patch+json' : '';
    return sendProblem(
      reply,
      'unsupported-media-type',
      `Send the body as application/json${more} and say so in Content-Type.`,
    );
  }
  if (malformedBodies.has(String(code))) {
    return sendProblem(reply, 'malformed-body', 'The body does not have the length it claims.');
  }
  if (error instanceof WriteStoreError) {
    options.onStore(error);
    return sendProblem(reply, 'store-unavailable', `${error.message} ${advice(reply, error)}`);
  }
  options.logger.error({ err: error }, 'A request failed');
  return sendProblem(reply, 'internal-error', 'The failure is in the log of the command service.');
}

function advice(reply: FastifyReply, { outcome }: WriteStoreError): string {
  const { method } = reply.request;
  if (outcome === 'not-applied' || method === 'GET' || method === 'HEAD') return 'Try again.';
  return 'It is unknown whether the command was applied: read the aggregate before you repeat it.';
}
