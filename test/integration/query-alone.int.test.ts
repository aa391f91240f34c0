/** Reads while nothing can be written: Kafka and Postgres are killed, and the query service shows the last state. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ViewConfig } from '@cqrs/contract/config.ts';
import { postgresNames, slotName } from '@cqrs/contract/postgres-names.ts';
import { topicName } from '@cqrs/contract/topics.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startKafka, type TestKafka } from '../support/kafka.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { startService, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { openStream } from './query-stream-client.ts';

const service = { namespace: 'test', name: 'alone' };
const topic = topicName(service, 'order');
const view: ViewConfig = {
  name: 'orders',
  sources: [{ topic, aggregate: 'order', gapless: true, role: 'root' }],
  indexes: [{ by: ['customerId'], order: ['-total'] }],
};
const writerDownMsMax = 30_000;
const caughtUpMsMax = 120_000;
const path = '/orders/o1';
const list = '/orders?customerId=c1';

let stores: { postgres: TestPostgres; kafka: TestKafka; redis: TestRedis };
let programs: Record<'command' | 'relay' | 'projector' | 'query', TestService>;

beforeAll(async () => {
  const [postgres, kafka, redis] = await Promise.all([startPostgres(), startKafka(), startRedis()]);
  stores = { postgres, kafka, redis };
  const token = { CQRS_TOKEN_KEY: randomBytes(32).toString('base64') };
  const { publication } = postgresNames;
  const topics = [{ aggregate: 'order', topic, partitions: 2, retention: 'forever' }];
  const reading = {
    config: { service, views: [view] },
    env: { ...kafka.env, ...redis.env, ...token },
  };
  const command = await startService({
    program: 'command',
    config: { service, aggregates: [{ name: 'order', schema: { type: 'object' } }] },
    env: { ...postgres.env('command'), ...token },
  });
  await command.ready();
  const relay = await startService({
    program: 'relay',
    config: { service, slot: slotName(service), publication, topics },
    env: { ...postgres.env('relay'), ...kafka.env },
  });
  const projector = await startService({ program: 'projector', ...reading });
  const query = await startService({ program: 'query', ...reading });
  programs = { command, relay, projector, query };
  await query.ready();
});

afterAll(async () => {
  for (const program of Object.values(programs)) await program.kill();
  await stores.redis.stop();
  await stores.kafka.stop();
  await stores.postgres.stop();
});

/** Writes the order and gives the token of that. */
async function write(total: number): Promise<string> {
  const answer = await fetch(`${programs.command.http}/order/o1`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ customerId: 'c1', total }),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.headers.get('consistency-token') ?? '';
}

type Seen = { readonly status: number; readonly total: unknown; readonly stale: string | null };

async function read(of: string, headers: Record<string, string> = {}): Promise<Seen> {
  const answer = await fetch(programs.query.http + of, { headers });
  const body = (await answer.json()) as { total?: number; items?: { total: number }[] };
  const total = body.items?.map((item) => item.total) ?? body.total;
  return { status: answer.status, total, stale: answer.headers.get('consistency-status') };
}

/** Reads a document and a list by turns until it is stopped; gives every answer that was not 200. */
function keepReading(): () => Promise<{ readonly asked: number; readonly failed: unknown[] }> {
  const stopping = new AbortController();
  const loop = async (): Promise<{ asked: number; failed: unknown[] }> => {
    const failed: unknown[] = [];
    let asked = 0;
    while (!stopping.signal.aborted) {
      const of = asked % 2 === 0 ? path : list;
      const status = await read(of).then((seen) => seen.status, String);
      if (status !== 200) failed.push(status);
      asked += 1;
      await delay(5);
    }
    return { asked, failed };
  };
  const looping = loop();
  return () => {
    stopping.abort();
    return looping;
  };
}

/** What every reader sees while the view shows the first write and cannot come to show the second. */
async function expectLastState(first: string, second: string): Promise<void> {
  const last = { status: 200, total: 1, stale: null };
  expect(await read(path)).toEqual(last);
  expect(await read(list)).toEqual({ ...last, total: [1] });
  expect(await read(path, { 'consistency-token': first })).toEqual(last);
  for (const of of [path, list]) {
    const strict = { 'consistency-token': second, prefer: 'wait=1' };
    expect(await read(of, strict)).toMatchObject({ status: 504 });
    const lenient = { 'consistency-token': second, prefer: 'wait=1, handling=lenient' };
    expect(await read(of, lenient)).toMatchObject({ status: 200, stale: 'stale' });
  }
  const stream = await openStream(programs.query.http + path);
  expect(await stream.until('the last state', () => true)).toMatchObject({ data: { total: 1 } });
  stream.leave();
  expect((await fetch(`${programs.query.ops}/readyz`)).status).toBe(200);
}

test('Kafka and then Postgres are killed: the last state is read all the while, and what was written comes later', async () => {
  const { command } = programs;
  const first = await write(1);
  await eventually('the view to show the first write', caughtUpMsMax, async () => {
    return (await read(path, { 'consistency-token': first })).status === 200;
  });
  const stop = keepReading();

  await stores.kafka.kill();
  const second = await write(2);
  await expectLastState(first, second);

  await stores.postgres.kill();
  await eventually('the command service to say that it cannot', writerDownMsMax, async () => {
    return (await fetch(`${command.http}/order/o1`, { method: 'DELETE' })).status === 503;
  });
  await expectLastState(first, second);

  await stores.postgres.start();
  await stores.kafka.start();
  await eventually('the view to show the second write', caughtUpMsMax, async () => {
    const seen = await read(path, { 'consistency-token': second, prefer: 'wait=1' });
    return seen.status === 200 && seen.total === 2;
  });
  const { asked, failed } = await stop();
  expect(failed).toEqual([]);
  expect(asked).toBeGreaterThan(100);
}, 300_000);
