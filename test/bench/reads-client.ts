/**
 * A process of its own that reads documents by key as fast as so many connections allow, one request at a time on each,
 * and prints what it saw as JSON. It writes requests that were made beforehand and looks at no more of an answer than
 * it must: a client that costs as much as the service would be what is measured.
 *
 * `node reads-client.ts --url URL --connections N --seconds N --keys N`
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { quantile } from './figures.ts';

export type ReadsReport = {
  readonly seconds: number;
  readonly answered: number;
  /** Answers other than 200, by status. */
  readonly others: Readonly<Record<string, number>>;
  readonly p99Ms: number;
  /** Processor time of this process for each answer. */
  readonly clientMicros: number;
};

const headEnd = '\r\n\r\n';
const lengthHeader = /\r\ncontent-length: (\d+)/i;
const statusPlace = 'HTTP/1.1 '.length;
const statusLength = 3;

type Seen = { readonly latenciesMs: number[]; readonly others: Record<string, number> };

/** One connection that asks again as soon as it is answered, until it is stopped. */
function keepReading(url: URL, requests: readonly Buffer[], seen: Seen): { stop: () => void } {
  let socket: Socket;
  let sentAtMs = 0;
  let received = '';
  let isStopped = false;

  const ask = (): void => {
    sentAtMs = performance.now();
    socket.write(requests[Math.floor(Math.random() * requests.length)] ?? '');
  };
  const receive = (chunk: string): void => {
    received += chunk;
    const end = received.indexOf(headEnd);
    if (end < 0) return;
    const bodyBytes = Number(lengthHeader.exec(received)?.[1] ?? 0);
    if (received.length < end + headEnd.length + bodyBytes) return;
    seen.latenciesMs.push(performance.now() - sentAtMs);
    const status = received.slice(statusPlace, statusPlace + statusLength);
    if (status !== '200') seen.others[status] = (seen.others[status] ?? 0) + 1;
    const isLast = received.lastIndexOf('\r\nconnection: close', end) >= 0;
    received = '';
    if (isStopped) socket.destroy();
    else if (isLast) open();
    else ask();
  };
  const open = (): void => {
    socket?.destroy();
    socket = connect(Number(url.port), url.hostname).setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('connect', ask).on('data', receive);
  };
  open();
  return { stop: () => (isStopped = true) };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: '' },
      connections: { type: 'string', default: '64' },
      seconds: { type: 'string', default: '3' },
      keys: { type: 'string', default: '1' },
    },
  });
  const url = new URL(values.url);
  const requests = Array.from({ length: Number(values.keys) }, (_, key) =>
    Buffer.from(`GET ${url.pathname}/order-${key} HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`),
  );
  const seen: Seen = { latenciesMs: [], others: {} };
  const before = process.cpuUsage();
  const startedAtMs = performance.now();
  const readers = Array.from({ length: Number(values.connections) }, () =>
    keepReading(url, requests, seen),
  );
  await delay(Number(values.seconds) * 1000);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const { user, system } = process.cpuUsage(before);
  const latenciesMs = seen.latenciesMs.splice(0);
  for (const { stop } of readers) stop();
  const report: ReadsReport = {
    seconds,
    answered: latenciesMs.length,
    others: seen.others,
    p99Ms: quantile(latenciesMs, 0.99),
    clientMicros: (user + system) / latenciesMs.length,
  };
  process.stdout.write(JSON.stringify(report));
}

await main();
