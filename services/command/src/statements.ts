import type { ChangeKind } from '@cqrs/contract/envelope.ts';
import type postgres from 'postgres';
import type { Remembered } from './idempotency.ts';
import type { Key } from './store.ts';
import { columnsOf } from './text-columns.ts';

/** A row of cqrs.aggregate; `stateText` is JSON, and null when the aggregate was deleted or its state is left out. */
export type Found = {
  readonly version: number;
  readonly stateText: string | null;
  /** Of the state's text, also where that is left out. */
  readonly stateBytes: number;
};

/**
 * The rows of many aggregates, in the order of the keys; states of more than `stateBytesMax` are left out. Each is looked
 * up by itself (`lateral`), because a join of all may be planned as a walk through the whole index.
 */
export async function findTogether(
  sql: postgres.Sql,
  keys: readonly Key[],
  stateBytesMax: number,
): Promise<readonly (Found | undefined)[]> {
  const column = columnsOf(sql, keys);
  const rows = await sql<FoundRow[]>`
    select given.place, stored.version, octet_length(stored.state) as bytes,
      case when octet_length(stored.state) <= ${stateBytesMax} then stored.state end as state
    from unnest(
      ${column(({ aggregate }) => aggregate)},
      ${column(({ id }) => id)}
    ) with ordinality as given (aggregatetype, aggregateid, place),
    lateral (
      select version, state::text as state from cqrs.aggregate
      where aggregatetype = given.aggregatetype and aggregateid = given.aggregateid
      limit 1
    ) as stored`;
  const found: (Found | undefined)[] = keys.map(() => undefined);
  for (const { place, version, state, bytes } of rows) {
    found[Number(place) - 1] = {
      version: Number(version),
      stateText: state,
      stateBytes: bytes ?? 0,
    };
  }
  return found;
}

type FoundRow = {
  readonly place: string;
  readonly version: string;
  readonly bytes: number | null;
  readonly state: string | null;
};

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
