/**
 * A process of its own that creates aggregates over HTTP as fast as so many connections allow, one request at a time
 * on each, and prints what it saw as JSON. It writes and reads bare sockets: a client library costs more than the
 * service under test, and would be what is measured.
 *
 * `node command-client.ts --url URL --connections N --seconds N`
 */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

export type ClientReport = {
  readonly seconds: number;
  readonly acknowledged: number;
  /** Answers other than 201, by status. */
  readonly others: Readonly<Record<string, number>>;
  readonly latenciesMs: readonly number[];
};

const headEnd = Buffer.from('\r\n\r\n');
const statusFrom = 'HTTP/1.1 '.length;
const created = '201';

type Seen = {
  readonly latenciesMs: number[];
  readonly others: Record<string, number>;
  stopped: boolean;
};

/** Sends the next request when the answer to the last one is complete; ends with the first answer after the stop. */
async function sendInTurn(socket: Socket, next: () => string, seen: Seen): Promise<void> {
  let sentAtMs = performance.now();
  let received = Buffer.alloc(0);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.on('error', reject).on('close', () => reject(new Error('The service hung up')));
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const head = received.indexOf(headEnd);
    if (head < 0) return;
    const text = received.toString('latin1', 0, head);
    const bodyBytes = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
    if (received.length < head + headEnd.length + bodyBytes) return;
    received = Buffer.alloc(0);
    const status = text.slice(statusFrom, statusFrom + created.length);
    if (status === created) seen.latenciesMs.push(performance.now() - sentAtMs);
    else seen.others[status] = (seen.others[status] ?? 0) + 1;
    if (seen.stopped) {
      resolve();
      return;
    }
    sentAtMs = performance.now();
    socket.write(next());
  });
  socket.write(next());
  await promise;
  socket.removeAllListeners('close').destroy();
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: '' },
      connections: { type: 'string', default: '64' },
      seconds: { type: 'string', default: '10' },
    },
  });
  const { hostname, port, pathname, host } = new URL(values.url);
  let sent = 0;
  const next = (): string => {
    sent += 1;
    const body = `{"customerId":"customer-${sent % 1000}","total":${sent % 500},"note":"left at the door"}`;
    return `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  };
  const sockets = await Promise.all(
    Array.from({ length: Number(values.connections) }, async () => {
      const socket = connect(Number(port), hostname).setNoDelay(true);
      await once(socket, 'connect');
      return socket;
    }),
  );
  const seen: Seen = { latenciesMs: [], others: {}, stopped: false };
  const startedAtMs = performance.now();
  const done = Promise.all(sockets.map(async (socket) => sendInTurn(socket, next, seen)));
  await Promise.race([done, delay(Number(values.seconds) * 1000)]);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const acknowledged = seen.latenciesMs.length;
  seen.stopped = true;
  await done;
  const { latenciesMs, others } = seen;
  const report: ClientReport = { seconds, acknowledged, others, latenciesMs };
  process.stdout.write(JSON.stringify(report));
}

if (import.meta.main) await main();
