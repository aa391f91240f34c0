import type { ChangeKind } from '@cqrs/contract/envelope.ts';
import type postgres from 'postgres';
import type { Remembered } from './idempotency.ts';
import type { Key, Stored } from './store.ts';
import { columnsOf } from './text-columns.ts';

/**
 * The rows of many aggregates, in the order of the keys. Each is looked up by itself (`lateral`), because a join of all
 * may be planned as a walk through the whole index.
 */
export async function findTogether(
  sql: postgres.Sql,
  keys: readonly Key[],
): Promise<readonly (Stored | undefined)[]> {
  const column = columnsOf(sql, keys);
  const rows = await sql<{ place: string; version: string; state: string | null }[]>`
    select given.place, stored.version, stored.state
    from unnest(
      ${column(({ aggregate }) => aggregate)},
      ${column(({ id }) => id)}
    ) with ordinality as given (aggregatetype, aggregateid, place),
    lateral (
      select version, state::text as state from cqrs.aggregate
      where aggregatetype = given.aggregatetype and aggregateid = given.aggregateid
      limit 1
    ) as stored`;
  const found: (Stored | undefined)[] = keys.map(() => undefined);
  for (const { place, version, state } of rows) {
    found[Number(place) - 1] = { version: Number(version), stateText: state };
  }
  return found;
}

/** What became of the first command with this key, undefined when none was applied. */
export async function recall(
  sql: postgres.Sql,
  aggregate: string,
  key: string,
): Promise<Remembered | undefined> {
  const [row] = await sql<
    { fingerprint: string; change: ChangeKind; id: string; version: string }[]
  >`
    select fingerprint, change, aggregateid as id, version from cqrs.idempotency
    where aggregatetype = ${aggregate} and key = ${key}`;
  return row === undefined ? undefined : { ...row, version: Number(row.version) };
}
