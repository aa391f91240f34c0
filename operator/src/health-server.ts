import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { Health } from './health.ts';
import type { Logger } from './telemetry/logger.ts';

export type HealthServerOptions = {
  readonly port: number;
  readonly registry: Registry;
  readonly logger: Logger;
  readonly liveness: () => Health;
  readonly readiness: () => Health;
};

export type HealthServer = { start(): Promise<void>; stop(): Promise<void> };

const requestMsMax = 5000;

/** Serves /livez (also as /healthz) and /readyz (200 `ok`, or 503 and the problems line by line) and /metrics. */
export function createHealthServer(options: HealthServerOptions): HealthServer {
  const { logger, port, registry } = options;
  const live = (reply: ServerResponse): void => sendHealth(reply, options.liveness());
  const answers: Readonly<Record<string, (reply: ServerResponse) => Promise<void> | void>> = {
    '/livez': live,
    '/healthz': live,
    '/readyz': (reply) => sendHealth(reply, options.readiness()),
    '/metrics': async (reply) =>
      send(reply, 200, { type: registry.contentType, body: await registry.metrics() }),
  };
  const answer = async (request: IncomingMessage, reply: ServerResponse): Promise<void> => {
    const send404 = (): void =>
      send(reply, 404, { type: 'text/plain', body: 'try /livez, /readyz or /metrics\n' });
    await (answers[request.url?.split('?')[0] ?? ''] ?? send404)(reply);
  };
  const server = createServer({ requestTimeout: requestMsMax }, (request, reply) => {
    answer(request, reply).catch((err: unknown) => {
      logger.error({ err, url: request.url }, 'Failed to answer on the ops port');
      reply.destroy();
    });
  });
  return {
    async start() {
      server.listen(port);
      await once(server, 'listening');
      logger.info({ address: server.address() }, 'Serving health and metrics');
    },
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function sendHealth(reply: ServerResponse, health: Health): void {
  const lines = health.ok ? ['ok'] : health.problems;
  send(reply, health.ok ? 200 : 503, { type: 'text/plain', body: `${lines.join('\n')}\n` });
}

function send(
  reply: ServerResponse,
  status: number,
  content: { readonly type: string; readonly body: string },
): void {
  reply
    .writeHead(status, {
      'content-type': content.type,
      'content-length': Buffer.byteLength(content.body),
    })
    .end(content.body);
}
