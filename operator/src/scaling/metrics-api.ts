import type { IncomingMessage, ServerResponse } from 'node:http';
import { systemClock, type Clock } from '../kube/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { KubeLogger } from '../kube/logger.ts';
import { objectKey } from '../kube/object.ts';
import { failure, metricAnswer, type Answer } from './answers.ts';
import type { ApiServiceState } from './api-service.ts';
import { authenticate, peerOf } from './authentication.ts';
import { createAuthorizer, type Authorizer } from './authorization.ts';
import type { StoredCertificate } from './certificate-upkeep.ts';
import { createFrontProxy, type FrontProxy } from './front-proxy.ts';
import { attributesOf, routeOf } from './routes.ts';
import { createSecureServer, headersOf, type SecureServer } from './secure-server.ts';
import type { Measured, MetricName } from './served-metrics.ts';
import { createServingCertificate, type ServingCertificate } from './serving-certificate.ts';

export type MetricsApiOptions = {
  readonly client: KubeClient;
  /** Namespace of the operator, and name of the Service in front of it. */
  readonly namespace: string;
  readonly serviceName: string;
  readonly port: number;
  readonly host?: string;
  /** Each metric of a CqrsService by its key (`namespace/name`). */
  readonly measure: Readonly<Record<MetricName, (key: string) => Measured>>;
  readonly isLeader: () => boolean;
  /** `apiService()` may say something else now. */
  readonly onApiServiceChange?: () => void;
  readonly logger: KubeLogger;
  readonly clock?: Clock;
};

export type MetricsApi = {
  start(): void;
  stop(): Promise<void>;
  /** Whether it listens: it does from the moment on that there is a certificate. */
  isServing(): boolean;
  port(): number | undefined;
  /** Whether the cluster's HPAs ask here. */
  apiService(): ApiServiceState;
};

/**
 * Serves custom.metrics.k8s.io/v1beta2 to the HPA, as a server behind the API server's aggregator: the aggregator
 * authenticates (front-proxy certificate and headers), the API server authorizes (SubjectAccessReview).
 */
export function createMetricsApi(options: MetricsApiOptions): MetricsApi {
  return new AggregatedApi(options);
}

class AggregatedApi implements MetricsApi {
  readonly #options: MetricsApiOptions;
  readonly #authorizer: Authorizer;
  readonly #frontProxy: FrontProxy;
  readonly #upkeep: ServingCertificate;
  readonly #server: SecureServer;
  #certificate: StoredCertificate | undefined;

  constructor(options: MetricsApiOptions) {
    const { client, isLeader, logger, clock = systemClock } = options;
    this.#options = options;
    this.#authorizer = createAuthorizer({ client, clock });
    this.#frontProxy = createFrontProxy({ client, logger, onChange: () => this.#serve() });
    this.#upkeep = createServingCertificate({
      client,
      service: { namespace: options.namespace, name: options.serviceName },
      isLeader,
      onCertificate: (certificate) => {
        this.#certificate = certificate;
        this.#serve();
      },
      onApiServiceChange: () => options.onApiServiceChange?.(),
      logger,
      clock,
    });
    this.#server = createSecureServer({
      host: options.host,
      port: options.port,
      handle: (request, reply) => void this.#handle(request, reply),
      onError: (err) => logger.error({ err }, 'Metrics API cannot listen'),
    });
  }

  start(): void {
    this.#frontProxy.start();
    this.#upkeep.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#upkeep.stop(), this.#frontProxy.stop(), this.#server.close()]);
  }

  isServing(): boolean {
    return this.#server.port() !== undefined;
  }

  port(): number | undefined {
    return this.#server.port();
  }

  apiService(): ApiServiceState {
    return this.#upkeep.apiService();
  }

  async #handle(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const { status, body } = await this.#answer(request).catch((err: unknown) => {
      this.#options.logger.warn({ err, url: request.url }, 'Failed to answer for a metric');
      return failure(500, 'The metric cannot be answered now; the log of the operator says why');
    });
    const text = JSON.stringify(body);
    reply.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      // A connection keeps the trust that it was opened under: whoever was refused may come again on a new one.
      ...(status === 401 && { connection: 'close' }),
    });
    reply.end(text);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const route = routeOf(request.method ?? '', request.url ?? '');
    if (route.kind === 'health') return { status: 200, body: 'ok' };
    const who = authenticate(this.#frontProxy.trust(), peerOf(request), headersOf(request));
    if (!who.ok) return failure(401, who.message);
    if (route.kind === 'refused') return failure(route.status, route.message);
    // Discovery is for everybody the API server knows: it asks itself as a user without any group or right.
    if (route.kind === 'discovery') return { status: 200, body: route.document };
    const decision = await this.#authorizer.decide(who.caller, attributesOf(route));
    if (!decision.allowed) {
      return failure(403, `User "${who.caller.user}" may not get ${request.url}`);
    }
    return metricAnswer(route, this.#options.measure[route.metric](objectKey(route)));
  }

  // Before the front proxy's CA is known there is nobody to serve.
  #serve(): void {
    if (this.#certificate === undefined || !this.#frontProxy.isSynced()) return;
    const clientCa = this.#frontProxy.trust()?.clientCa;
    this.#server.use({ ...this.#certificate, clientCa });
  }
}
