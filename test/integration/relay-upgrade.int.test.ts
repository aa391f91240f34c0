/** A relay that is newer than the schema that it finds, as in every upgrade in which its pod is faster than the write side's. */
import type { RelayStatus } from '@cqrs/contract/ops-status.ts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import postgresClient from 'postgres';
import { migrationText, readMigrations } from '../../services/command/src/migrate.ts';
import { eventually } from '../support/eventually.ts';
import { startKafka, type TestKafka } from '../support/kafka.ts';
import { migrate, republish, startRelay } from '../support/outbox.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import type { TestService } from '../support/process.ts';

const migrations = await readMigrations();
const warningOrError = /"level":[4-6]0/;

let postgres: TestPostgres;
let kafka: TestKafka;
let relay: TestService | undefined;

beforeAll(async () => {
  [postgres, kafka] = await Promise.all([startPostgres(), startKafka()]);
});
afterAll(async () => {
  await kafka?.stop();
  await postgres?.stop();
});
afterEach(async () => {
  await relay?.kill();
  const { sql } = postgres;
  await eventually('the slot to be free', 20_000, async () => {
    return (await sql`select from pg_replication_slots where active`).length === 0;
  });
  await sql`select pg_drop_replication_slot(slot_name) from pg_replication_slots`;
  await sql`drop publication if exists cqrs`;
  await sql`drop schema if exists cqrs cascade`;
});

/** What a write side of an earlier release has made. */
async function migrateAsBefore(count: number): Promise<void> {
  if (count === 0) return;
  const sql = postgresClient({
    host: postgres.host,
    port: postgres.port,
    database: postgres.database,
    user: 'cqrs_command',
    password: postgres.passwords.command,
    max: 1,
  });
  try {
    await sql.unsafe(migrationText(migrations.slice(0, count), []));
  } finally {
    await sql.end();
  }
}

async function firstWord(of: TestService): Promise<RelayStatus> {
  return eventually('a reason, or none', 20_000, async () => {
    const status = await of.status<RelayStatus>();
    return (status.streaming || status.error !== null) && status;
  });
}

describe('a relay before the migrations that it uses', () => {
  // Whatever a later migration adds: a relay that does not name it must do without it.
  it.each(migrations.map(({ version }) => version - 1))(
    'has no trouble where there are %i, and goes on by itself',
    async (count) => {
      await migrateAsBefore(count);
      const current = await startRelay(postgres, kafka);
      relay = current;
      const { errorCode } = await firstWord(current);
      expect([null, 'CQRS_MIGRATION_PENDING']).toContain(errorCode);
      await migrate(postgres);
      await current.ready(20_000);
      expect(current.output()).not.toMatch(warningOrError);
    },
  );

  it.each([
    [0, 'migrations 0001-aggregates-and-events, 0003-relay-history, 0004-relay-topic-ids'],
    [2, 'migrations 0003-relay-history, 0004-relay-topic-ids'],
    [3, 'migration 0004-relay-topic-ids'],
  ])('names what is missing where there are %i', async (count, names) => {
    await migrateAsBefore(count);
    relay = await startRelay(postgres, kafka);
    const { error } = await firstWord(relay);
    expect(error).toBe(
      `The relay waits for ${names}, which the command service of this release runs when it starts; it then goes on by itself. Events wait in Postgres.`,
    );
    const { code, said } = await republish(postgres);
    expect([code, said]).toEqual([2, `Nothing was changed. ${error}\n`]);
  });
});
