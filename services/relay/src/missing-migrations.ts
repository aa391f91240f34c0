import { neededMigrations } from '@cqrs/contract/needed-migrations.ts';
import { postgresNames } from '@cqrs/contract/postgres-names.ts';
import type postgres from 'postgres';

/** What the relay waits for, as a sentence; undefined once every migration that it uses has been run. */
export async function missingMigrations(sql: postgres.Sql): Promise<string | undefined> {
  const missing = await sql<{ name: string }[]>`
    select needed.name
    from jsonb_to_recordset(${JSON.stringify(neededMigrations.relay)}::text::jsonb)
      as needed (name text, "table" text, "column" text)
    where not exists (
      select from pg_attribute
      join pg_class on pg_class.oid = attrelid
      join pg_namespace on pg_namespace.oid = relnamespace
      where nspname = ${postgresNames.schema} and relname = needed."table"
        and attname = needed."column"
    )
    order by needed.name`;
  if (missing.length === 0) return undefined;
  const names = missing.map(({ name }) => name).join(', ');
  const which = missing.length === 1 ? `migration ${names}` : `migrations ${names}`;
  return `The relay waits for ${which}, which the command service of this release runs when it starts; it then goes on by itself. Events wait in Postgres.`;
}
