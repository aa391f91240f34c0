import { answerClientError } from '@cqrs/runtime/client-error.ts';
import { inTurn } from '@cqrs/runtime/in-turn.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import type { RequestSpans } from '@cqrs/runtime/telemetry/request-spans.ts';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { answerFailure } from './answer-failure.ts';
import type { Admission } from './admission.ts';
import type { Aggregate } from './aggregate.ts';
import type { Behavior } from './behavior/behavior.ts';
import { bodyBytesMax, type BodyRooms } from './body-rooms.ts';
import type { Consistency } from './consistency.ts';
import type { Descriptions } from './describe/descriptions.ts';
import type { KeysUnderWay } from './keys-under-way.ts';
import type { Metrics } from './metrics.ts';
import { sendProblem } from './problem-reply.ts';
import { segmentsOf } from './request-path.ts';
import { aggregateRoutes, methodsOffered } from './routes/aggregates.ts';
import { behaviorRoutes, noSuchCommandRoute } from './routes/behaviors.ts';
import { descriptionRoutes } from './routes/descriptions.ts';
import type { WriteStoreError } from './store-failure.ts';
import type { Store } from './store.ts';

export type AppOptions = {
  readonly aggregates: ReadonlyMap<string, Aggregate>;
  /** Of those aggregates that are written by named commands. */
  readonly behaviors: ReadonlyMap<string, Behavior>;
  readonly store: Store;
  readonly admission: Admission;
  readonly rooms: BodyRooms;
  readonly keysUnderWay: KeysUnderWay;
  readonly consistency: Consistency;
  readonly descriptions: Descriptions;
  readonly metrics: Metrics;
  /** Undefined while nothing is traced. */
  readonly spans: RequestSpans | undefined;
  readonly logger: Logger;
  /** True once the process was told to stop: connections are then closed after their answer. */
  readonly isStopping: () => boolean;
  /** Told of each failure of Postgres, and of each answer that it gave. */
  readonly onStore: (failure: WriteStoreError | null) => void;
};

/** From a request's first byte to its last. One that stops half-way holds memory until then. */
const requestMsMax = 10_000;
const requestCheckMs = 1_000;
/** Longer than any id or name that could be right, so that a wrong one is answered and not lost in routing. */
const pathSegmentCharsMax = 4_096;

/** The HTTP side of the command service: routes, and one place where everything that goes wrong becomes a problem. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { metrics, logger, isStopping, spans } = options;
  const app = Fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: requestMsMax,
    // Without a Host, routing is the same; Node's own refusal would be no problem document.
    http: {
      connectionsCheckingInterval: requestCheckMs,
      headersTimeout: requestMsMax,
      requireHostHeader: false,
    },
    clientErrorHandler: answerClientError,
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
    const route = request.routeOptions.url;
    if (spans !== undefined && route !== undefined) spans.begin(request.raw, reply.raw, route);
    if (request.is404) nothingRoutedHere(request, reply, options);
    else inTurn(request.raw, reply.raw, done);
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
  app.register(descriptionRoutes(options.descriptions));
  for (const aggregate of options.aggregates.values()) {
    const api = { ...options, aggregate };
    const behavior = options.behaviors.get(aggregate.name);
    if (behavior === undefined) app.register(aggregateRoutes(api, options.rooms));
    else app.register(behaviorRoutes(api, behavior, options.rooms));
  }
  // Node would refuse an expectation it does not know in its own words; RFC 9110, 10.1.1 allows to pass over it.
  app.server.on('checkExpectation', (request, response) =>
    app.server.emit('request', request, response),
  );
  app.addHook('onClose', async () => logger.debug('HTTP server closed'));
  return app;
}

function nothingRoutedHere(
  request: FastifyRequest,
  reply: FastifyReply,
  { aggregates, behaviors }: AppOptions,
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
  const behavior = behaviors.get(name);
  if (behavior !== undefined) return noSuchCommandRoute(request, reply, behavior);
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
