import type postgres from 'postgres';
import type { Append, Key, Stored } from './store.ts';

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

/**
 * Writes state and event of each aggregate that has the version its change expects, all in one statement, which is its
 * own transaction; says for each whether it was written. A row that somebody else holds is passed over and not waited
 * for. New rows may have to wait for somebody who inserts the same: they come in the order of their keys, so that two
 * such statements never wait for each other.
 */
export async function appendTogether(
  sql: postgres.Sql,
  appends: readonly Append[],
): Promise<readonly boolean[]> {
  const column = columnsOf(sql, appends);
  const rows = await sql<{ id: string }[]>`
    with given as materialized (
      select
        aggregatetype, aggregateid, expected, state::jsonb as state, eventid, eventtype,
        data::jsonb as data, traceparent
      from unnest(
        ${column(({ aggregate }) => aggregate)},
        ${column(({ id }) => id)},
        ${column(({ change }) => String(change.expectedVersion))}::bigint[],
        ${column(({ change }) => change.stateText)},
        ${column(({ eventId }) => eventId)}::uuid[],
        ${column(({ change }) => change.eventType)},
        ${column(({ change }) => change.dataText)},
        ${column(({ traceparent }) => traceparent)}
      ) as given (
        aggregatetype, aggregateid, expected, state, eventid, eventtype, data, traceparent
      )
    ), held as (
      select given.aggregatetype, given.aggregateid
      from given, lateral (
        select from cqrs.aggregate
        where aggregatetype = given.aggregatetype and aggregateid = given.aggregateid
          and version = given.expected
        for no key update skip locked
      ) as stored
      where given.expected > 0
    ), written as (
      insert into cqrs.aggregate as stored (aggregatetype, aggregateid, version, state, deleted)
      select aggregatetype, aggregateid, expected + 1, state, state is null
      from given
      where expected = 0 or (aggregatetype, aggregateid) in (select * from held)
      order by aggregatetype collate "C", aggregateid collate "C"
      on conflict (aggregatetype, aggregateid) do update
        set version = excluded.version, state = excluded.state, deleted = excluded.deleted
        where stored.version = excluded.version - 1
      returning aggregatetype, aggregateid, version
    )
    insert into cqrs.event (id, aggregatetype, aggregateid, type, payload, version, traceparent)
    select
      eventid, aggregatetype, aggregateid, eventtype,
      jsonb_build_object('state', state, 'data', data), version, traceparent
    from given join written using (aggregatetype, aggregateid)
    returning id`;
  const written = new Set(rows.map(({ id }) => id));
  return appends.map(({ eventId }) => written.has(eventId));
}

/**
 * Values of each item as an array of text, sent with a line each; an empty one is null. None can hold a line break: ids
 * and names have no such characters, and JSON escapes them. In an array literal every quote of the JSON would have to be
 * escaped, and read once more.
 */
function columnsOf<T>(sql: postgres.Sql, items: readonly T[]) {
  return (valueOf: (item: T) => string | null) =>
    sql`string_to_array(${items.map((item) => valueOf(item) ?? '').join('\n')}, chr(10), '')`;
}
