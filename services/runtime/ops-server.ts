import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ServiceStatus } from '@cqrs/contract/ops-status.ts';
import type { Registry } from 'prom-client';
import { createServer } from './http-server.ts';

export type OpsServerOptions = {
  readonly port: number;
  readonly registry: Registry;
  /** Liveness: false only when a restart is the remedy. A store that is down is not one. */
  readonly isLive: () => boolean;
  /** Readiness: whether a Service should send traffic here. */
  readonly isReady: () => boolean;
  readonly status: () => ServiceStatus;
  /** Delays an answer of /status as its query string asks for; never for long. */
  readonly holdStatus?: (query: URLSearchParams) => Promise<void>;
};

export type OpsServer = { readonly port: number; readonly close: () => Promise<void> };

type Answer = (reply: ServerResponse, query: URLSearchParams) => void | Promise<void>;

const requestTimeoutMs = 5_000;

function send(reply: ServerResponse, code: number, type: string, body: string): void {
  reply
    .writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
    .end(body);
}

/** Serves /livez, /readyz, /status and /metrics apart from the traffic port, so that load never hides a pod's state. */
export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const answers: Record<string, Answer> = {
    '/livez': (reply) =>
      send(reply, options.isLive() ? 200 : 500, 'text/plain', options.isLive() ? 'ok' : 'stuck'),
    '/readyz': (reply) =>
      send(
        reply,
        options.isReady() ? 200 : 503,
        'text/plain',
        options.isReady() ? 'ok' : 'not ready',
      ),
    '/status': async (reply, query) => {
      await options.holdStatus?.(query);
      send(reply, 200, 'application/json', JSON.stringify(options.status()));
    },
    '/metrics': async (reply) =>
      send(reply, 200, options.registry.contentType, await options.registry.metrics()),
  };
  const server: Server = createServer({ requestTimeout: requestTimeoutMs }, (request, reply) => {
    const [path = '', query] = (request.url ?? '').split('?', 2);
    const answer = answers[path];
    if (answer === undefined) {
      send(reply, 404, 'text/plain', 'try /livez, /readyz, /status or /metrics');
      return;
    }
    void Promise.resolve(answer(reply, new URLSearchParams(query))).catch((error: unknown) =>
      send(reply, 500, 'text/plain', String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
