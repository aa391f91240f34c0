import type postgres from 'postgres';
import { createCoalescer } from './coalesce.ts';
import { neverWritten, type Change, type Current } from './decide.ts';
import { isObject } from './json.ts';
import { createLanes, type PostgresAddress } from './lanes.ts';
import { appendTogether, findTogether } from './statements.ts';
import { mayBeOneRow, readFailure, storeFailure, WriteStoreError } from './store-failure.ts';

export type Key = { readonly aggregate: string; readonly id: string };

/** A row of cqrs.aggregate; `stateText` is JSON, and null when the aggregate was deleted. */
export type Stored = { readonly version: number; readonly stateText: string | null };

export type Append = Key & {
  readonly change: Change;
  readonly eventId: string;
  readonly traceparent: string | null;
};

export type Session = {
  readonly load: (key: Key) => Promise<Current>;
  /**
   * Writes state and event in one statement, which is its own transaction and one round trip.
   * False: the aggregate has another version by now, or somebody holds its row, and nothing was written.
   */
  readonly append: (append: Append) => Promise<boolean>;
};

/**
 * The write side's Postgres. Everything throws WriteStoreError while it is out of reach. What is loaded or appended at
 * the same time shares statements; appends of one aggregate at the same time are correct, but only one of them applies.
 */
export type Store = Session & {
  /** Runs `work` while holding the aggregate's row, so that its `append` applies. */
  readonly locked: <T>(key: Key, work: (session: Session) => Promise<T>) => Promise<T>;
  readonly read: (key: Key) => Promise<Stored | undefined>;
  /** Any other work on a connection of its own, such as migrations. */
  readonly use: <T>(work: (sql: postgres.Sql) => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
};

const appending = { statementsMax: 2, batchItemsMax: 128, batchBytesMax: 1_048_576 };
const finding = { statementsMax: 2, batchItemsMax: 128, batchBytesMax: 1_048_576 };
/** Work that waits for rows of others, or runs alone because it failed in company. */
const patientLanesMax = 12;
const sharedSession = {
  /** Milliseconds. A statement that waits for a lock keeps all in it waiting, so it gives up and each goes alone. */
  lock_timeout: 250,
  /** A plan is kept; one made while the table is small must not read all of it when it is large. */
  enable_seqscan: 'off',
};

const isBroken = (error: unknown): boolean => error instanceof WriteStoreError;

export function createStore(address: PostgresAddress): Store {
  const shared = createLanes(address, {
    lanesMax: appending.statementsMax + finding.statementsMax,
    session: sharedSession,
    isBroken,
  });
  const patient = createLanes(address, { lanesMax: patientLanesMax, session: {}, isBroken });
  const on =
    (lanes: typeof shared): Store['use'] =>
    async (work) =>
      lanes.use(async (sql) => {
        try {
          return await work(sql);
        } catch (error) {
          throw storeFailure(error);
        }
      });
  const [use, useShared] = [on(patient), on(shared)];
  const append = createCoalescer<Append, boolean>(appending, {
    bytesOf: ({ change }) => (change.stateText?.length ?? 0) + (change.dataText?.length ?? 0),
    together: (appends) => useShared(async (sql) => appendTogether(sql, appends)),
    alone: (of) => use(async (sql) => appendAlone(sql, of)),
    mayBeOneItem: mayBeOneRow,
  });
  const find = createCoalescer<Key, Stored | undefined>(finding, {
    bytesOf: ({ id }) => id.length,
    together: (keys) => useShared(async (sql) => findTogether(sql, keys)),
    alone: (key) => use(async (sql) => findAlone(sql, key)),
    mayBeOneItem: mayBeOneRow,
  });
  const read: Store['read'] = async (key) =>
    find(key).catch((error: unknown) => {
      throw readFailure(error);
    });
  return {
    load: async (key) => currentOf(await read(key)),
    append,
    locked: (key, work) => use(async (sql) => locked(sql, key, work)),
    read,
    use,
    close: async () => {
      await Promise.all([shared.close(), patient.close()]);
    },
  };
}

function currentOf(stored: Stored | undefined): Current {
  if (stored === undefined) return neverWritten;
  const { version, stateText } = stored;
  const state: unknown = stateText === null ? null : JSON.parse(stateText);
  return { version, state: isObject(state) ? state : null };
}

async function findAlone(sql: postgres.Sql, key: Key): Promise<Stored | undefined> {
  const [found] = await findTogether(sql, [key]);
  return found;
}

async function appendAlone(sql: postgres.Sql, of: Append): Promise<boolean> {
  const [applied] = await appendTogether(sql, [of]);
  return applied === true;
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
      load: async () => {
        await sql`
          select from cqrs.aggregate
          where aggregatetype = ${key.aggregate} and aggregateid = ${key.id} for update`;
        return currentOf(await findAlone(sql, key));
      },
      append: async (of) => appendAlone(sql, of),
    });
    await sql`commit`;
    return result;
  } catch (error) {
    // On a connection that is gone there is nothing to roll back, and its lane is thrown away.
    if (!(storeFailure(error) instanceof WriteStoreError)) await sql`rollback`;
    throw error;
  }
}
