import type { RelayConfig, Retention } from '@cqrs/contract/config.ts';
import type { RelayStatus } from '@cqrs/contract/ops-status.ts';
import { Kafka, logLevel } from 'kafkajs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readTopic, startKafka, type TestKafka } from '../support/kafka.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { run, startService, temporaryFolder, type TestService } from '../support/process.ts';

const service = { namespace: 'shop', name: 'orders' };
const slot = 'cqrs_shop_orders';

let postgres: TestPostgres;
let kafka: TestKafka;
let command: TestService;
let relays: TestService[] = [];
/** Each test has an aggregate and a topic of its own. */
let aggregate = '';
let topic = '';
let count = 0;

beforeAll(async () => {
  [postgres, kafka] = await Promise.all([startPostgres(), startKafka()]);
});
afterAll(async () => {
  await kafka?.stop();
  await postgres?.stop();
});
beforeEach(async () => {
  count += 1;
  aggregate = `order${count}`;
  topic = `shop.orders.${aggregate}`;
  command = await startService({
    program: 'command',
    config: { service, aggregates: [{ name: aggregate, schema: {} }] },
    env: postgres.env('command'),
  });
  await command.ready();
});
afterEach(async () => {
  await Promise.all([command, ...relays].map(async (child) => child.kill()));
  relays = [];
  const { sql } = postgres;
  await eventually('the slot to be free', 10_000, async () => {
    const [row] = await sql`select active from pg_replication_slots where slot_name = ${slot}`;
    return row?.['active'] !== true;
  });
  await sql`
    select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = ${slot}`;
  await sql`delete from cqrs.relay_position`;
});

function relayConfig(change: { partitions?: number; retention?: Retention } = {}): RelayConfig {
  const topics = [
    { aggregate, topic, partitions: 3, retention: 'forever' as Retention, ...change },
  ];
  return { service, slot, publication: 'cqrs', topics };
}

async function startRelay(config = relayConfig()): Promise<TestService> {
  const env = { ...postgres.env('relay'), ...kafka.env };
  const relay = await startService({ program: 'relay', config, env });
  relays.push(relay);
  return relay;
}

const statusOf = async (relay: TestService) => relay.status<RelayStatus>();

async function send(method: string, id: string, body?: object, traceparent?: string) {
  const answer = await fetch(`${command.http}/${aggregate}/${id}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(traceparent === undefined ? {} : { traceparent }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(answer.ok).toBe(true);
  await answer.arrayBuffer();
}

/** Many events of a hundred aggregates in one transaction. */
async function insertEvents(events: number): Promise<void> {
  await postgres.sql`
    insert into cqrs.event (id, aggregatetype, aggregateid, type, payload, version)
    select gen_random_uuid(), ${aggregate}, 'k' || n % 100, 'x.updated',
      jsonb_build_object('data', null, 'state',
        jsonb_build_object('id', 'k' || n % 100, 'pad', repeat('x', 500))),
      n / 100 + 1
    from generate_series(0, ${events - 1}::int) as n`;
}

const published = async (relay: TestService, events: number) =>
  eventually(`${events} published events`, 45_000, async () => {
    return (await statusOf(relay)).eventsPublished >= events;
  });

describe('publishing', () => {
  it('carries each event once, in order per key, with what a reader needs', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const relay = await startRelay();
    await relay.ready();
    for (const id of ['a', 'b', 'c', 'd']) {
      await send('PUT', id, { n: 1 }, traceparent);
      await send('PATCH', id, { n: 2 });
      await send('DELETE', id);
    }
    await published(relay, 12);
    const records = await readTopic(kafka, topic);
    expect(records).toHaveLength(12);
    expect(new Set(records.map(({ partition }) => partition)).size).toBeGreaterThan(1);
    const events = await postgres.sql<{ id: string; time: string }[]>`
      select id, to_char(timestamp, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time
      from cqrs.event where aggregatetype = ${aggregate} and aggregateid = 'a' order by version`;
    const ofA = records.filter(({ key }) => key === 'a');
    expect(ofA.map(({ value }) => value)).toEqual([
      { state: { id: 'a', n: 1 }, data: { n: 1 } },
      { state: { id: 'a', n: 2 }, data: { n: 2 } },
      { state: null, data: null },
    ]);
    const common = { ce_specversion: '1.0', ce_source: '/shop/orders', ce_subject: 'a' };
    const lsns = ofA.map(({ headers }) => BigInt(headers['ce_pglsn'] ?? '0'));
    expect(ofA.map(({ headers }) => headers)).toEqual(
      ['created', 'updated', 'deleted'].map((change, index) => ({
        ...common,
        ce_id: events[index]?.id,
        ce_type: `${aggregate}.${change}`,
        ce_time: events[index]?.time.replace(/0+Z$/, 'Z'),
        ce_partitionkey: 'a',
        ce_sequence: String(index + 1),
        ce_pglsn: String(lsns[index]),
        ce_pgidx: '0',
        'content-type': 'application/json',
        ...(index === 0 ? { traceparent } : {}),
      })),
    );
    expect(lsns[0]).toBeGreaterThan(0n);
    expect(lsns.toSorted((one, other) => Number(one - other))).toEqual(lsns);
  });

  it('publishes what was committed before its slot existed, then goes on', async () => {
    for (let n = 1; n <= 3; n += 1) await send('PUT', 'early', { n });
    const relay = await startRelay();
    await relay.ready();
    await send('PUT', 'early', { n: 4 });
    await published(relay, 4);
    const records = await readTopic(kafka, topic);
    expect(records.map(({ headers }) => headers['ce_sequence'])).toEqual(['1', '2', '3', '4']);
    const lsns = records.map(({ headers }) => headers['ce_pglsn']);
    expect(lsns.slice(0, 3)).toEqual(['0', '0', '0']);
    expect(lsns[3]).not.toBe('0');
  });

  it('goes on where it stopped, and publishes nothing twice after an orderly stop', async () => {
    const first = await startRelay();
    await first.ready();
    await send('PUT', 'x', { n: 1 });
    await published(first, 1);
    expect(await first.stop()).toBe(0);
    await send('PUT', 'x', { n: 2 });
    const second = await startRelay();
    await second.ready();
    await published(second, 1);
    await send('PUT', 'x', { n: 3 });
    await published(second, 2);
    const records = await readTopic(kafka, topic);
    expect(records.map(({ headers }) => headers['ce_sequence'])).toEqual(['1', '2', '3']);
  });

  it('reads no further than it may hold while Kafka is frozen, and keeps the server patient', async () => {
    const relay = await startRelay();
    await relay.ready();
    await send('PUT', 'first', { n: 1 });
    await published(relay, 1);
    const beforeKb = await residentKb(relay);
    kafka.pause();
    const events = 100_000;
    let peakKb = 0;
    try {
      await insertEvents(events);
      const thawMs = performance.now() + 17_000;
      await eventually('the freeze to outlast wal_sender_timeout', 30_000, async () => {
        peakKb = Math.max(peakKb, await residentKb(relay));
        return performance.now() > thawMs;
      });
    } finally {
      kafka.resume();
    }
    const startMs = performance.now();
    await published(relay, events + 1);
    const perSecond = Math.round((events * 1000) / (performance.now() - startMs));
    process.stdout.write(
      `100,000 events of 0.6 KB in one transaction: ${perSecond}/s; resident ${beforeKb} KiB, ${peakKb} KiB at most while frozen\n`,
    );
    // The transaction is 60 MB on the wire; the relay may hold 8 of them and what that makes of the heap.
    expect(peakKb - beforeKb).toBeLessThan(90_000);
    expect(await (await fetch(`${relay.ops}/metrics`)).text()).not.toMatch(/restarts_total\{/);
    const records = await readTopic(kafka, topic);
    expect(records).toHaveLength(events + 1);
    const places = new Set(
      records.map(({ headers }) => `${headers['ce_pglsn']} ${headers['ce_pgidx']}`),
    );
    expect(places.size).toBe(events + 1);
    const versions = new Map<string, number>();
    const outOfOrder = records.filter(({ key, headers }) => {
      versions.set(key, (versions.get(key) ?? 0) + 1);
      return Number(headers['ce_sequence']) !== versions.get(key);
    });
    expect(outOfOrder).toEqual([]);
    await eventually('no lag', 5_000, async () => (await statusOf(relay)).lagBytes === 0);
  });

  it('confirms the WAL of a server that is busy with other things', async () => {
    const relay = await startRelay();
    await relay.ready();
    const { sql } = postgres;
    await sql`create table if not exists public.noise (text text)`;
    await sql`insert into public.noise select repeat('x', 1000) from generate_series(1, 4000)`;
    await eventually('the slot to follow', 20_000, async () => {
      const [row] = await sql`
        select pg_current_wal_lsn() - confirmed_flush_lsn < 1048576 as close, confirmed_flush_lsn
        from pg_replication_slots where slot_name = ${slot}`;
      return row?.['close'] === true;
    });
    const position = async () => (await sql`select lsn from cqrs.relay_position`)[0]?.['lsn'];
    const settled = await position();
    expect(await statusOf(relay)).toMatchObject({ lagBytes: 0, streaming: true });
    // Its own record must not be the reason for the next one: with nothing else going on it stays.
    await eventually('two status messages', 20_000, async () => {
      const [row] = await sql`
        select reply_time > now() - interval '1 second' as fresh from pg_stat_replication`;
      return row?.['fresh'] === true;
    });
    expect(await position()).toBe(settled);
  });

  it('waits for the command service to make the publication', async () => {
    const { sql } = postgres;
    await sql`drop publication cqrs`;
    const relay = await startRelay();
    await eventually('a reason', 10_000, async () => {
      return (await statusOf(relay)).error?.includes('no publication');
    });
    await sql`create publication cqrs for table cqrs.event with (publish = 'insert')`;
    await relay.ready(20_000);
    expect(await statusOf(relay)).toMatchObject({ streaming: true, error: null });
  });
});

async function settingsOf(): Promise<Record<string, string>> {
  const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: 2, name: topic }],
  });
  await admin.disconnect();
  const entries = resources[0]?.configEntries ?? [];
  return Object.fromEntries(
    entries.map(({ configName, configValue }) => [configName, configValue]),
  );
}

describe('topics', () => {
  it('get the retention that the service asks for, also when it changes, and keep foreign settings', async () => {
    const first = await startRelay(relayConfig({ retention: { seconds: 3_600 } }));
    await first.ready();
    expect(await settingsOf()).toMatchObject({
      'cleanup.policy': 'delete',
      'retention.ms': '3600000',
    });
    await first.stop();
    const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const own = [
      { name: 'retention.ms', value: '3600000' },
      { name: 'segment.ms', value: '12345678' },
    ];
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: 2, name: topic, configEntries: own }],
    });
    await admin.disconnect();
    const second = await startRelay(relayConfig({ retention: 'compact' }));
    await second.ready();
    expect(await settingsOf()).toMatchObject({
      'cleanup.policy': 'compact',
      'retention.ms': '-1',
      'segment.ms': '12345678',
      'max.message.bytes': '5242880',
    });
  });

  it('carry the largest event that the command service accepts', async () => {
    const relay = await startRelay();
    await relay.ready();
    // Commas and colons get a space in Postgres, so the largest text comes from many short members.
    const body = Object.fromEntries(Array.from({ length: 80_000 }, (_, n) => [`f${n}`, 1]));
    await send('PUT', 'large', body);
    await published(relay, 1);
    const [record] = await readTopic(kafka, topic);
    expect(record?.value).toEqual({ state: { ...body, id: 'large' }, data: body });
  });

  it('are deleted by the program for it, which is content when they are gone already', async () => {
    const relay = await startRelay();
    await relay.ready();
    await relay.stop();
    const program = fileURLToPath(
      new URL('../../services/relay/src/delete-topics.ts', import.meta.url),
    );
    const configFile = join(await temporaryFolder('delete-topics'), 'config.json');
    await writeFile(configFile, JSON.stringify(relayConfig()));
    const env = { ...kafka.env, CQRS_CONFIG_FILE: configFile };
    for (const deleted of [[topic], []]) {
      const output = await run([process.execPath, program], { timeoutMs: 30_000, env });
      expect(output).toContain(`"deleted":${JSON.stringify(deleted)}`);
    }
    const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    expect(await admin.listTopics()).not.toContain(topic);
    await admin.disconnect();
  });
});

async function residentKb({ pid }: TestService): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(text)?.[1]);
}
