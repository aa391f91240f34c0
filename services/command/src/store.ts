import type postgres from 'postgres';
import { neverWritten, type Change, type Current } from './decide.ts';
import { isObject } from './json.ts';
import { createLanes, type PostgresAddress } from './lanes.ts';
import { storeFailure, WriteStoreError } from './store-failure.ts';

type Key = { readonly aggregate: string; readonly id: string };

export type Append = Key & {
  readonly change: Change;
  readonly eventId: string;
  readonly traceparent: string | null;
};

export type Session = {
  readonly load: (key: Key) => Promise<Current>;
  /**
   * Writes state and event in one statement, which is its own transaction and one round trip.
   * False: the aggregate has another version by now and nothing was written.
   */
  readonly append: (append: Append) => Promise<boolean>;
};

/** The write side's Postgres. Everything throws WriteStoreError while it is out of reach. */
export type Store = Session & {
  /** Runs `work` while holding the aggregate's row, so that its `append` applies. */
  readonly locked: <T>(key: Key, work: (session: Session) => Promise<T>) => Promise<T>;
  /** The state as JSON text; undefined when there is none. */
  readonly read: (
    key: Key,
  ) => Promise<{ readonly version: number; readonly stateText: string } | undefined>;
  /** Any other work on a connection of its own, such as migrations. */
  readonly use: <T>(work: (sql: postgres.Sql) => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
};

export function createStore(address: PostgresAddress): Store {
  const lanes = createLanes(address, (error) => error instanceof WriteStoreError);
  const use: Store['use'] = async (work) =>
    lanes.use(async (sql) => {
      try {
        return await work(sql);
      } catch (error) {
        throw storeFailure(error);
      }
    });
  return {
    load: (key) => use(async (sql) => load(sql, key, false)),
    append: (of) => use(async (sql) => append(sql, of)),
    locked: (key, work) => use(async (sql) => locked(sql, key, work)),
    read: (key) => use(async (sql) => read(sql, key)),
    use,
    close: lanes.close,
  };
}

async function load(sql: postgres.Sql, key: Key, hold: boolean): Promise<Current> {
  const rows = await sql<{ version: string; state: string | null }[]>`
    select version, state::text as state from cqrs.aggregate
    where aggregatetype = ${key.aggregate} and aggregateid = ${key.id}
    ${hold ? sql`for update` : sql``}`;
  const row = rows[0];
  if (row === undefined) return neverWritten;
  const state: unknown = row.state === null ? null : JSON.parse(row.state);
  return { version: Number(row.version), state: isObject(state) ? state : null };
}

async function read(
  sql: postgres.Sql,
  key: Key,
): Promise<{ version: number; stateText: string } | undefined> {
  const rows = await sql<{ version: string; state: string }[]>`
    select version, state::text as state from cqrs.aggregate
    where aggregatetype = ${key.aggregate} and aggregateid = ${key.id} and not deleted`;
  const row = rows[0];
  return row === undefined ? undefined : { version: Number(row.version), stateText: row.state };
}

async function append(sql: postgres.Sql, of: Append): Promise<boolean> {
  const { aggregate, id, change, eventId, traceparent } = of;
  const written = await sql`
    with written as (
      insert into cqrs.aggregate as stored (aggregatetype, aggregateid, version, state, deleted)
      values (
        ${aggregate}, ${id}, ${change.expectedVersion + 1},
        ${change.stateText}::text::jsonb, ${change.stateText === null}
      )
      on conflict (aggregatetype, aggregateid) do update
        set version = excluded.version, state = excluded.state, deleted = excluded.deleted
        where stored.version = excluded.version - 1
      returning version
    )
    insert into cqrs.event (id, aggregatetype, aggregateid, type, payload, version, traceparent)
    select
      ${eventId}::uuid, ${aggregate}::text, ${id}::text, ${change.eventType}::text,
      ${change.payloadText}::text::jsonb, version, ${traceparent}::text
    from written`;
  return written.count === 1;
}

/**
 * Should the connection be lost between two of these statements, the client runs the rest on another one, without the
 * lock. That is safe, because `append` checks the version by itself; it may only fail to apply.
 */
async function locked<T>(
  sql: postgres.Sql,
  key: Key,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  await sql`begin`;
  try {
    const result = await work({
      load: async () => load(sql, key, true),
      append: async (of) => append(sql, of),
    });
    await sql`commit`;
    return result;
  } catch (error) {
    // On a connection that is gone there is nothing to roll back, and its lane is thrown away.
    if (!(storeFailure(error) instanceof WriteStoreError)) await sql`rollback`;
    throw error;
  }
}
