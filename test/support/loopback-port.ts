import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Starts a server on a port of loopback that the system chooses, and gives that port. */
export async function listenOnLoopback(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening on a port');
  return address.port;
}

/** A port of loopback that was free a moment ago, for a process that cannot choose one itself. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listenOnLoopback(server);
  const closed = once(server, 'close');
  server.close();
  await closed;
  return port;
}
