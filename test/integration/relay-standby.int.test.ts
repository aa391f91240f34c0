import type { RelayStatus } from '@cqrs/contract/ops-status.ts';
import { readFile } from 'node:fs/promises';
import postgresClient from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readTopic, startKafka, type TestKafka } from '../support/kafka.ts';
import { migrate, outbox, startRelay, writeEvents } from '../support/outbox.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { type TestService } from '../support/process.ts';

const { slot, topic } = outbox;

let postgres: TestPostgres;
let kafka: TestKafka;
let relays: TestService[] = [];

beforeAll(async () => {
  [postgres, kafka] = await Promise.all([startPostgres(), startKafka()]);
  await migrate(postgres);
});
afterAll(async () => {
  await kafka?.stop();
  await postgres?.stop();
});
afterEach(async () => {
  await Promise.all(relays.map(async (relay) => relay.kill()));
  relays = [];
});

async function relayOf(): Promise<TestService> {
  const relay = await startRelay(postgres, kafka);
  relays.push(relay);
  return relay;
}

const statusOf = async (relay: TestService) => relay.status<RelayStatus>();

/** One event now and then, until stopped: a takeover happens under load. */
function writeOn(): { readonly stop: () => Promise<void> } {
  const stopping = new AbortController();
  const work = (async () => {
    while (!stopping.signal.aborted) await writeEvents(postgres.sql, 5, 'busy');
  })();
  return {
    stop: async () => {
      stopping.abort();
      await work;
    },
  };
}

/** Every event of the table is in the topic and the versions of each key rise by one once repetitions are dropped. */
async function expectAllPublished(): Promise<void> {
  const [row] = await postgres.sql<[{ events: number }]>`
    select count(*)::int as events from cqrs.event`;
  const records = await eventually('every event in the topic', 30_000, async () => {
    const found = await readTopic(kafka, topic);
    return new Set(found.map(({ headers }) => headers['ce_id'])).size === row.events && found;
  });
  const latest = new Map<string, number>();
  const gaps = records.filter(({ key, headers }) => {
    const [known, version] = [latest.get(key) ?? 0, Number(headers['ce_sequence'])];
    latest.set(key, Math.max(known, version));
    return version > known + 1;
  });
  expect(gaps).toEqual([]);
  process.stdout.write(`${row.events} events, ${records.length} records\n`);
}

async function pairOfRelays(): Promise<readonly [TestService, TestService]> {
  const active = await relayOf();
  await active.ready();
  const standby = await relayOf();
  await eventually('standby', 10_000, async () => {
    return (await statusOf(standby)).errorCode === 'CQRS_SLOT_BUSY';
  });
  return [active, standby];
}

describe('a standby relay takes over', () => {
  it('at once when the active one is killed', async () => {
    const [active, standby] = await pairOfRelays();
    const load = writeOn();
    await eventually('some events', 10_000, async () => {
      return (await statusOf(active)).eventsPublished > 50;
    });
    const startMs = performance.now();
    await active.kill();
    // It asks twice a second, and Postgres is told of a dead process by its kernel.
    await standby.ready(10_000);
    process.stdout.write(`takeover after SIGKILL: ${Math.round(performance.now() - startMs)} ms\n`);
    await load.stop();
    expect((await statusOf(standby)).streaming).toBe(true);
    await expectAllPublished();
  });

  it('when the active one is frozen, which then stands by and harms nothing', async () => {
    const [active, standby] = await pairOfRelays();
    const load = writeOn();
    await eventually('some events', 10_000, async () => {
      return (await statusOf(active)).eventsPublished > 50;
    });
    const startMs = performance.now();
    process.kill(active.pid, 'SIGSTOP');
    try {
      // The relay's own wal_sender_timeout (15 s), whatever the server's is.
      await standby.ready(30_000);
    } finally {
      process.kill(active.pid, 'SIGCONT');
    }
    process.stdout.write(`takeover after SIGSTOP: ${Math.round(performance.now() - startMs)} ms\n`);
    await eventually('the thawed one to stand by', 30_000, async () => {
      return (await statusOf(active)).errorCode === 'CQRS_SLOT_BUSY';
    });
    expect((await statusOf(standby)).streaming).toBe(true);
    await load.stop();
    await expectAllPublished();
  }, 90_000);
});

describe('an idle service on a busy server', () => {
  it('holds back no WAL while another database writes hundreds of megabytes', async () => {
    const { sql } = postgres;
    const relay = await relayOf();
    await relay.ready();
    const slotState = async () => {
      const [row] = await sql<
        [{ confirmed: string; restart: string; heldBytes: string; behindBytes: string }]
      >`
        select confirmed_flush_lsn::text as confirmed, restart_lsn::text as restart,
          (pg_current_wal_lsn() - restart_lsn)::text as "heldBytes",
          (pg_current_wal_lsn() - confirmed_flush_lsn)::text as "behindBytes"
        from pg_replication_slots where slot_name = ${slot}`;
      return row;
    };
    const before = await slotState();
    const [start] = await sql`select pg_current_wal_lsn()::text as lsn`;
    const { eventsPublished } = await statusOf(relay);
    await writeElsewhere(300);
    const [wal] = await sql<[{ bytes: string }]>`
      select (pg_current_wal_lsn() - ${start?.['lsn']}::text::pg_lsn)::text as bytes`;
    expect(Number(wal.bytes)).toBeGreaterThan(300_000_000);
    await eventually('the slot to follow without events', 60_000, async () => {
      // Where decoding has to restart moves with the snapshots of running transactions, which a checkpoint logs too.
      await sql`checkpoint`;
      const { heldBytes, behindBytes } = await slotState();
      return Number(behindBytes) < 2_000_000 && Number(heldBytes) < 20_000_000;
    });
    const after = await slotState();
    process.stdout.write(
      `${wal.bytes} bytes of WAL elsewhere: confirmed ${before.confirmed} to ${after.confirmed}, restart ${before.restart} to ${after.restart}\n`,
    );
    expect(await statusOf(relay)).toMatchObject({ streaming: true, eventsPublished, lagBytes: 0 });
  }, 120_000);
});

/** Some megabytes of WAL in a database of somebody else on the same server, in small transactions. */
async function writeElsewhere(megabytes: number): Promise<void> {
  await postgres.sql`create database elsewhere`;
  const other = postgresClient({
    host: postgres.host,
    port: postgres.port,
    database: 'elsewhere',
    user: 'postgres',
    password: postgres.passwords.postgres,
    max: 1,
  });
  await other`create table noise (text text)`;
  await other`alter table noise alter text set storage plain`;
  for (let round = 0; round < megabytes / 10; round += 1) {
    await other`insert into noise select repeat('x', 1000) from generate_series(1, 10500)`;
  }
  await other.end();
}

describe('a very large transaction', () => {
  it('goes through a bounded relay', async () => {
    const events = 200_000;
    const relay = await relayOf();
    await relay.ready();
    const { eventsPublished } = await statusOf(relay);
    await postgres.sql`
      insert into cqrs.event (id, aggregatetype, aggregateid, type, payload, version)
      select gen_random_uuid(), 'order', 'l' || n % 1000, 'order.updated',
        jsonb_build_object('data', null, 'state',
          jsonb_build_object('id', 'l' || n % 1000, 'pad', repeat('x', 500))),
        n / 1000 + 1
      from generate_series(0, ${events - 1}::int) as n`;
    let peakMiB = 0;
    await eventually('every event', 120_000, async () => {
      peakMiB = Math.max(peakMiB, await residentMiB(relay));
      return (await statusOf(relay)).eventsPublished >= eventsPublished + events;
    });
    process.stdout.write(`${events} events in one transaction: ${peakMiB} MiB at most\n`);
    expect(peakMiB).toBeLessThan(300);
    await expectAllPublished();
  }, 180_000);
});

async function residentMiB({ pid }: TestService): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(text)?.[1]) / 1024);
}
