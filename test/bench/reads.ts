import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ViewConfig } from '@cqrs/contract/config.ts';
import { topicName } from '@cqrs/contract/topics.ts';
import { freePort } from '../support/loopback-port.ts';
import { eventually } from '../support/eventually.ts';
import { run, startChild, startService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { feedView } from '../support/view-feed.ts';
import { quantile, type BenchOptions, type Measured } from './figures.ts';
import { orderAggregate, orderBody, service } from './orders.ts';
import type { ReadsReport } from './reads-client.ts';

const connections = 64;
const documents = 10_000;
const documentsPerStep = 1_000;
const rounds = 5;
const roundSeconds = 3;
const warmUpSeconds = 2;
const ratioMin = 0.8;
const p99MsMax = 10;
const startMsMax = 20_000;
const clientMsMax = 60_000;
const clientProgram = fileURLToPath(new URL('./reads-client.ts', import.meta.url));
const peerProgram = fileURLToPath(new URL('./reads-peer.ts', import.meta.url));

const topic = topicName(service, orderAggregate.name);
const view: ViewConfig = {
  name: 'orders',
  sources: [{ topic, aggregate: orderAggregate.name, gapless: true, role: 'root' }],
  indexes: [{ by: ['customerId'], order: ['-total'] }],
};

type Contestant = { readonly name: string; readonly url: string; readonly pid: number };

/** Reads by key from one query process; beside it an empty node:http and a plain fastify with Redis; in turns. */
export async function benchReads({ note }: BenchOptions): Promise<Measured> {
  const cleanUp = new AsyncDisposableStack();
  try {
    const redis = await startRedis();
    cleanUp.defer(async () => redis.stop());
    await fill(redis);
    const query = await startService({
      program: 'query',
      config: { service, views: [view] },
      env: redis.env,
    });
    cleanUp.defer(async () => query.kill());
    await query.ready();
    const contestants: Contestant[] = [{ name: 'query', url: query.http, pid: query.pid }];
    for (const name of ['empty', 'fastify']) {
      const peer = await startPeer(name, redis);
      cleanUp.defer(async () => void (await peer.stop()));
      contestants.push(peer);
    }
    for (const contestant of contestants) await load(contestant, warmUpSeconds);
    return measured(await takeTurns(contestants, note));
  } finally {
    await cleanUp.disposeAsync();
  }
}

type Rates = { readonly perSecond: Map<string, number[]>; readonly p99sMs: number[] };

async function takeTurns(
  contestants: readonly Contestant[],
  note: BenchOptions['note'],
): Promise<Rates> {
  const rates: Rates = { perSecond: new Map(), p99sMs: [] };
  const turns = Array.from({ length: rounds }, () => contestants).flat();
  for (const contestant of turns) {
    const { name } = contestant;
    const { report, serverMicros } = await load(contestant, roundSeconds);
    const perSecond = report.answered / report.seconds;
    rates.perSecond.set(name, [...(rates.perSecond.get(name) ?? []), perSecond]);
    if (name === 'query') rates.p99sMs.push(report.p99Ms);
    const processor = `processor ${serverMicros.toFixed(1)} µs a read, of the client ${report.clientMicros.toFixed(1)}`;
    note(`${name}: ${perSecond.toFixed(0)}/s, p99 ${report.p99Ms.toFixed(1)} ms, ${processor}`);
  }
  return rates;
}

function measured({ perSecond, p99sMs }: Rates): Measured {
  const median = (name: string): number => quantile(perSecond.get(name) ?? [], 0.5);
  return {
    name: 'reads',
    figures: [
      { key: 'per_second', value: median('query') },
      { key: 'empty_http_per_second', value: median('empty') },
      { key: 'fastify_per_second', value: median('fastify') },
      { key: 'ratio', value: median('query') / median('empty'), atLeast: ratioMin },
      { key: 'p99_ms', value: quantile(p99sMs, 0.5), atMost: p99MsMax },
    ],
  };
}

/** The same documents in the view and, under a plain key, for the peer. */
async function fill({ client }: TestRedis): Promise<void> {
  const feed = await feedView(client, service, view);
  for (let first = 0; first < documents; first += documentsPerStep) {
    const events = Array.from({ length: documentsPerStep }, (_, place) => {
      const id = `order-${first + place}`;
      return { id, version: 1, state: `{"id":"${id}",${orderBody(first + place).slice(1)}` };
    });
    await feed.apply(orderAggregate.name, events);
    await client.mset(events.flatMap(({ id, state }) => [`peer:${id}`, state]));
  }
}

async function startPeer(
  name: string,
  redis: TestRedis,
): Promise<Contestant & { stop: () => Promise<unknown> }> {
  const port = await freePort();
  const child = await startChild([process.execPath, peerProgram, name, String(port)], {
    cwd: dirname(peerProgram),
    env: redis.env,
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(`${name} to answer`, startMsMax, async () =>
    fetch(`${url}/orders/order-0`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return { name, url, pid: child.pid, stop: async () => child.kill() };
}

async function load(
  { name, url, pid }: Contestant,
  seconds: number,
): Promise<{ readonly report: ReadsReport; readonly serverMicros: number }> {
  const before = await processorMicros(pid);
  const text = await run(
    [
      process.execPath,
      clientProgram,
      `--url=${url}/orders`,
      `--connections=${connections}`,
      `--seconds=${seconds}`,
      `--keys=${documents}`,
    ],
    { timeoutMs: clientMsMax },
  );
  const report = JSON.parse(text) as ReadsReport;
  if (Object.keys(report.others).length > 0) {
    throw new Error(`${name} did not answer every read: ${JSON.stringify(report.others)}`);
  }
  return { report, serverMicros: ((await processorMicros(pid)) - before) / report.answered };
}

const microsPerTick = 10_000;

/** Processor time that a process has had; proc(5), fields 14 and 15 of `stat`, in ticks of 10 ms. */
async function processorMicros(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * microsPerTick;
}
