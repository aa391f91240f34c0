import type { ChangeKind } from '@cqrs/contract/envelope.ts';
import type postgres from 'postgres';
import type { EventDraft } from './decide.ts';
import type { Append, Appended } from './store.ts';
import { columnsOf } from './text-columns.ts';

/** One event with what the statement needs to know of its aggregate. */
type EventRow = {
  readonly append: Append;
  readonly eventId: string;
  readonly draft: EventDraft;
  readonly version: number;
  /** The aggregate's last event, which speaks for all of them. */
  readonly isLast: boolean;
};

/** What the statement says of an append, by the place of its last event. */
type Row = { readonly place: string } & (
  | { readonly outcome: 'written' | 'busy' }
  | {
      readonly outcome: 'remembered';
      readonly fingerprint: string;
      readonly change: ChangeKind;
      readonly id: string;
      readonly version: string;
    }
);

/**
 * Writes the state and the events of each aggregate that has the version its change expects, all in one statement, which
 * is its own transaction; says for each what became of it. A row that somebody else holds is passed over and not waited
 * for. New rows may have to wait for somebody who inserts the same: they come in the order of their keys, so that two
 * such statements never wait for each other. Events are inserted in the order of their versions, in which the relay
 * then finds them.
 */
export async function appendTogether(
  sql: postgres.Sql,
  appends: readonly Append[],
): Promise<readonly Appended[]> {
  const eventRows = appends.flatMap(eventRowsOf);
  const column = columnsOf(sql, eventRows);
  // Most commands have no key, and their statement does not know of keys at all.
  const once = appends.some((append) => append.once !== null)
    ? onceFragments(sql, eventRows)
    : unkeyed(sql);
  const rows = await sql<Row[]>`
    with given as materialized (
      select
        aggregatetype, aggregateid, expected, version, state::jsonb as state, eventid, eventtype,
        data::jsonb as data, traceparent, place ${once.selected}
      from unnest(
        ${column(({ append }) => append.aggregate)},
        ${column(({ append }) => append.id)},
        ${column(({ append, isLast }) => (isLast ? String(append.change.expectedVersion) : null))}::bigint[],
        ${column(({ version }) => String(version))}::bigint[],
        ${column(({ draft }) => draft.stateText)},
        ${column(({ eventId }) => eventId)}::uuid[],
        ${column(({ draft }) => draft.type)},
        ${column(({ draft }) => draft.dataText)},
        ${column(({ append }) => append.traceparent)}
        ${once.columns}
      ) with ordinality as given (
        aggregatetype, aggregateid, expected, version, state, eventid, eventtype, data, traceparent
        ${once.names}, place
      )
    ), ${once.judged} held as (
      select given.aggregatetype, given.aggregateid
      from ${once.allowed} as given, lateral (
        select from cqrs.aggregate
        where aggregatetype = given.aggregatetype and aggregateid = given.aggregateid
          and version = given.expected
        for no key update skip locked
      ) as stored
      where given.expected > 0
    ), written as (
      insert into cqrs.aggregate as stored (aggregatetype, aggregateid, version, state, deleted)
      select aggregatetype, aggregateid, version, state, state is null
      from ${once.allowed} as given
      where expected = 0
        or (expected > 0 and (aggregatetype, aggregateid) in (select * from held))
      order by aggregatetype collate "C", aggregateid collate "C"
      on conflict (aggregatetype, aggregateid) do update
        set version = excluded.version, state = excluded.state, deleted = excluded.deleted
        where (stored.aggregatetype, stored.aggregateid) in (select * from held)
      returning aggregatetype, aggregateid
    ), ${once.recorded} logged as (
      insert into cqrs.event (id, aggregatetype, aggregateid, type, payload, version, traceparent)
      select
        eventid, aggregatetype, aggregateid, eventtype,
        jsonb_build_object('state', state, 'data', data), version, traceparent
      from given join written using (aggregatetype, aggregateid)
      order by version
    )
    ${once.told}`;
  const byPlace = new Map(rows.map((row) => [Number(row.place), row]));
  let place = 0;
  return appends.map(({ change }) => {
    place += change.events.length;
    return appendedOf(byPlace.get(place));
  });
}

function eventRowsOf(append: Append): readonly EventRow[] {
  const { expectedVersion, events } = append.change;
  return events.map((draft, place) => ({
    append,
    draft,
    eventId: append.eventIds[place] ?? '',
    version: expectedVersion + place + 1,
    isLast: place === events.length - 1,
  }));
}

function appendedOf(row: Row | undefined): Appended {
  if (row === undefined) return { kind: 'outrun' };
  if (row.outcome !== 'remembered') return { kind: row.outcome };
  const { fingerprint, change, id, version } = row;
  return { kind: 'remembered', as: { fingerprint, change, id, version: Number(version) } };
}

function unkeyed(sql: postgres.Sql) {
  return {
    selected: sql``,
    columns: sql``,
    names: sql``,
    judged: sql``,
    allowed: sql`given`,
    recorded: sql``,
    told: sql`
      select place, 'written' as outcome from given join written using (aggregatetype, aggregateid)
      where expected is not null`,
  };
}

/**
 * What the statement holds beside when some of the commands have an idempotency key. A key that is remembered, or that
 * another transaction has locked, keeps its command from being written. The lock is taken after the statement's
 * snapshot: should the key have been committed in between, its second row breaks the primary key, nothing of the
 * statement is done, and the commands go alone, each seeing what is there then.
 */
function onceFragments(
  sql: postgres.Sql,
  eventRows: readonly EventRow[],
): ReturnType<typeof unkeyed> {
  const column = columnsOf(sql, eventRows);
  return {
    selected: sql`, key, fingerprint, change,
      case when key is not null then
        pg_try_advisory_xact_lock(hashtextextended(aggregatetype || ' ' || key, 0))
      end as locked`,
    columns: sql`,
      ${column(({ append, isLast }) => (isLast ? (append.once?.key ?? null) : null))},
      ${column(({ append }) => append.once?.fingerprint ?? null)},
      ${column(({ append }) => append.change.change)}`,
    names: sql`, key, fingerprint, change`,
    judged: sql`remembered as materialized (
      select given.place, known.*
      from given, lateral (
        select fingerprint, change, aggregateid as id, version from cqrs.idempotency
        where aggregatetype = given.aggregatetype and key = given.key
        limit 1
      ) as known
      where given.key is not null
    ), allowed as materialized (
      select * from given
      where key is null or (locked and place not in (select place from remembered))
    ),`,
    allowed: sql`allowed`,
    recorded: sql`recorded as (
      insert into cqrs.idempotency (aggregatetype, key, fingerprint, aggregateid, version, change)
      select aggregatetype, key, fingerprint, aggregateid, version, change
      from given join written using (aggregatetype, aggregateid)
      where key is not null
    ),`,
    told: sql`
      select place, 'written' as outcome, null as fingerprint, null as change, null as id,
        null::bigint as version
      from given join written using (aggregatetype, aggregateid)
      where expected is not null
      union all
      select place, 'remembered', fingerprint, change, id, version from remembered
      union all
      select place, 'busy', null, null, null, null from given
      where not locked and place not in (select place from remembered)`,
  };
}
