import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { postgresNames } from '@cqrs/contract/postgres-names.ts';
import type postgres from 'postgres';

export type Migration = { readonly version: number; readonly name: string; readonly text: string };

const folder = fileURLToPath(new URL('./migrations/', import.meta.url));
const fileName = /^(\d{4})-([a-z0-9-]+)\.sql$/;
/** Any constant that nothing else in the database locks; the same for all versions of this program. */
const lockKey = 0x63_71_72_73;
const migrationMsMax = 600_000;
const lockMsMax = 60_000;
const retryDelayMsMin = 200;
const retryDelayMsMax = 5_000;
const { schema, relayRole } = postgresNames;

export async function readMigrations(): Promise<readonly Migration[]> {
  const migrations: Migration[] = [];
  for (const file of (await readdir(folder)).toSorted()) {
    const [, version, name] = fileName.exec(file) ?? [];
    if (version === undefined || name === undefined) continue;
    const text = await readFile(folder + file, 'utf8');
    migrations.push({ version: Number(version), name, text });
  }
  return migrations;
}

/**
 * One text for one round trip: Postgres runs it as one transaction, so a connection that is lost half-way leaves
 * nothing behind. It fails when another replica has migrated since `applied` was read.
 */
export function migrationText(pending: readonly Migration[], applied: readonly number[]): string {
  const steps = pending.map(
    ({ version, name, text }) =>
      `${text}\ninsert into ${schema}.migration (version, name) values (${version}, '${name}');`,
  );
  return `
    set local statement_timeout = ${migrationMsMax};
    set local lock_timeout = ${lockMsMax};
    select pg_advisory_xact_lock(${lockKey});
    create schema if not exists ${schema};
    create table if not exists ${schema}.migration (
      version integer primary key,
      name text not null,
      applied_at timestamptz not null default now()
    );
    do $$ begin
      if (select count(*) from ${schema}.migration) <> ${applied.length} then
        raise exception 'another replica migrated at the same time';
      end if;
    end $$;
    ${steps.join('\n')}
    ${grants}`;
}

/** Repeated at every start: with an external Postgres the relay's role may come after the first migration. */
const grants = `
    do $$ begin
      if exists (select from pg_roles where rolname = '${relayRole}') then
        grant usage on schema ${schema} to ${relayRole};
        grant select on ${schema}.event to ${relayRole};
        grant select, insert, update, delete on ${schema}.relay_position to ${relayRole};
      end if;
    end $$;`;

/** Brings the schema to the newest version that this program knows; a newer one is left alone. Gives what it applied. */
async function migrate(
  sql: postgres.Sql,
  migrations: readonly Migration[],
): Promise<readonly string[]> {
  const [{ exists }] = await sql<[{ exists: boolean }]>`
    select to_regclass(${`${schema}.migration`}) is not null as exists`;
  const rows = exists ? await sql<{ version: number }[]>`select version from cqrs.migration` : [];
  const applied = rows.map(({ version }) => version);
  const pending = migrations.filter(({ version }) => !applied.includes(version));
  await sql.unsafe(migrationText(pending, applied));
  return pending.map(({ name }) => name);
}

/** Migrates, and tries again while that fails: the database may start later than this program. */
export async function migrateUntilDone(
  use: <T>(work: (sql: postgres.Sql) => Promise<T>) => Promise<T>,
  onFailure: (error: CqrsError) => void,
  stop: AbortSignal,
): Promise<readonly string[]> {
  const migrations = await readMigrations();
  for (let delayMs = retryDelayMsMin; ; delayMs = Math.min(delayMs * 2, retryDelayMsMax)) {
    try {
      return await use(async (sql) => migrate(sql, migrations));
    } catch (cause) {
      stop.throwIfAborted();
      const reason = cause instanceof Error ? cause.message : String(cause);
      onFailure(
        new CqrsError(
          'CQRS_MIGRATION_FAILED',
          `The schema could not be brought up to date yet (${reason}); trying again until it can.`,
          cause,
        ),
      );
      await delay(delayMs, undefined, { signal: stop });
    }
  }
}
