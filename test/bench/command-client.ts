/**
 * A process of its own that creates aggregates over HTTP as fast as so many connections allow, one request at a time
 * on each, and prints what it saw as JSON.
 *
 * `node command-client.ts --url URL --connections N --seconds N`
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openBareHttp } from './bare-http.ts';
import { orderBody } from './orders.ts';

export type ClientReport = {
  readonly seconds: number;
  readonly acknowledged: number;
  /** Answers other than 201, by status. */
  readonly others: Readonly<Record<string, number>>;
  readonly latenciesMs: readonly number[];
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: '' },
      connections: { type: 'string', default: '64' },
      seconds: { type: 'string', default: '10' },
    },
  });
  const { pathname } = new URL(values.url);
  const connections = await Promise.all(
    Array.from({ length: Number(values.connections) }, async () => openBareHttp(values.url)),
  );
  const latenciesMs: number[] = [];
  const others: Record<string, number> = {};
  let sent = 0;
  const stopping = new AbortController();
  const startedAtMs = performance.now();
  const done = Promise.all(
    connections.map(async ({ send, close }) => {
      while (!stopping.signal.aborted) {
        sent += 1;
        const sentAtMs = performance.now();
        const { status } = await send('POST', pathname, orderBody(sent));
        if (status === 201) latenciesMs.push(performance.now() - sentAtMs);
        else others[status] = (others[status] ?? 0) + 1;
      }
      close();
    }),
  );
  await Promise.race([done, delay(Number(values.seconds) * 1000)]);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const acknowledged = latenciesMs.length;
  stopping.abort();
  await done;
  const report: ClientReport = { seconds, acknowledged, others, latenciesMs };
  process.stdout.write(JSON.stringify(report));
}

await main();
