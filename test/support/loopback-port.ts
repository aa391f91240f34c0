import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/**
 * Below the range from which Linux gives ports to connections and to servers that leave the choice to it: none of them
 * takes such a port before its process listens on it, or while that is killed and comes back.
 */
const freePortMin = 11_000;
const freePortMax = 29_999;
const freePortTriesMax = 100;

/** Starts a server on a port of loopback that the system chooses, and gives that port. */
export async function listenOnLoopback(server: Server): Promise<number> {
  return listen(server, 0);
}

/** A port of loopback that was free a moment ago, for a process that cannot choose one itself. */
export async function freePort(): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    const server = createServer();
    try {
      const port = await listen(server, randomInt(freePortMin, freePortMax + 1));
      const closed = once(server, 'close');
      server.close();
      await closed;
      return port;
    } catch (error) {
      if (tries === freePortTriesMax) throw error;
    }
  }
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening on a port');
  return address.port;
}
