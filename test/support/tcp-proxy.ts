import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listenOnLoopback } from './loopback-port.ts';

/** A TCP proxy on loopback that counts connections and can break them, as bad networks do. */
export type TcpProxy = {
  port: number;
  /** Connections accepted since the start. */
  opened(): number;
  /** Connections open now. */
  open(): number;
  /** Resets every open connection; new ones are let through. */
  cut(): void;
  /** Resets every open connection, and every new one until `accept`. */
  refuse(): void;
  accept(): void;
  /** Carries no further byte on the connections open now, without closing them; new ones are let through. */
  stall(): void;
  stop(): Promise<void>;
};

/** Starts a proxy on a free port to `target` on loopback. */
export async function startTcpProxy(target: { port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let opened = 0;
  let refusing = false;

  const server = createServer((client) => {
    if (refusing) {
      client.resetAndDestroy();
      return;
    }
    opened += 1;
    const upstream = connect(target.port, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', () => to.destroy());
      from.on('end', () => to.end());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  const port = await listenOnLoopback(server);

  const cut = (): void => sockets.forEach((socket) => socket.resetAndDestroy());
  return {
    port,
    opened: () => opened,
    open: () => sockets.size / 2,
    cut,
    refuse() {
      refusing = true;
      cut();
    },
    accept() {
      refusing = false;
    },
    stall: () => sockets.forEach((socket) => socket.removeAllListeners('data').pause()),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
