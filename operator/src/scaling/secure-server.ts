import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';

/** What a server of the aggregation layer needs: its own certificate, and the CA of the front proxy's. */
type Credentials = {
  readonly certificate: string;
  readonly key: string;
  readonly clientCa: string | undefined;
};

export type SecureServer = {
  /** Serves with these from now on, for new connections; the first call starts to listen. */
  use(credentials: Credentials): void;
  /** Undefined until it listens. */
  port(): number | undefined;
  /** Lets requests under way finish, for `drainMsMax` at most. */
  close(): Promise<void>;
};

const requestMsMax = 10_000;
const connectionsMax = 1_000;
// Longer than the API server's own idle bound of 90 s, so that it never sends into a connection we are closing.
const idleConnectionMsMax = 100_000;
const drainMsMax = 3_000;

/** An HTTPS server that asks for client certificates but leaves it to the handler what to make of them. */
export function createSecureServer(options: {
  readonly host: string | undefined;
  readonly port: number;
  readonly handle: RequestListener;
  readonly onError: (error: Error) => void;
}): SecureServer {
  let server: Server | undefined;
  const listen = (credentials: Credentials): Server => {
    const created = createServer(
      {
        ...tlsOf(credentials),
        requestCert: true,
        rejectUnauthorized: false,
        requestTimeout: requestMsMax,
        keepAliveTimeout: idleConnectionMsMax,
      },
      options.handle,
    );
    created.maxConnections = connectionsMax;
    created.on('error', options.onError);
    return created.listen({ port: options.port, host: options.host });
  };

  return {
    use(credentials) {
      if (server === undefined) server = listen(credentials);
      else server.setSecureContext(tlsOf(credentials));
    },
    port: () => (server?.address() as AddressInfo | null | undefined)?.port,
    async close() {
      if (server === undefined) return;
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => server?.closeAllConnections(), drainMsMax);
      await closed;
      clearTimeout(timer);
    },
  };
}

function tlsOf({ certificate, key, clientCa }: Credentials): {
  cert: string;
  key: string;
  ca: string[];
  minVersion: 'TLSv1.2';
} {
  // Without a front-proxy CA nobody is to be trusted; leaving the list out would trust the public authorities.
  return {
    cert: certificate,
    key,
    ca: clientCa === undefined ? [] : [clientCa],
    minVersion: 'TLSv1.2',
  };
}

/** Headers by lower-case name, each with all its values: a group header comes once for each group. */
export function headersOf(request: IncomingMessage): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(request.headersDistinct).map(([name, values]) => [name, values ?? []]),
  );
}
