import type postgres from 'postgres';
import { createByteRoom, type ByteRoom } from './byte-room.ts';
import { createCoalescer } from './coalesce.ts';
import { neverWritten, type Change, type Current } from './decide.ts';
import { isObject } from './json.ts';
import { createLanes, type PostgresAddress } from './lanes.ts';
import { appendTogether } from './append-statement.ts';
import type { Once, Remembered } from './idempotency.ts';
import { findTogether, recall, type Found } from './statements.ts';
import { mayBeOneRow, readFailure, storeFailure, WriteStoreError } from './store-failure.ts';

export type Key = { readonly aggregate: string; readonly id: string };

/** A row of cqrs.aggregate; `stateText` is JSON, and null when the aggregate was deleted. */
type Stored = { readonly version: number; readonly stateText: string | null };

export type Append = Key & {
  readonly change: Change;
  /** One for each event of the change. */
  readonly eventIds: readonly string[];
  readonly traceparent: string | null;
  readonly once: Once | null;
};

/**
 * `outrun`: the aggregate has another version by now, or somebody holds its row. `remembered`: a command with the same
 * idempotency key was applied before. `busy`: one is being applied. Only `written` has changed anything.
 */
export type Appended =
  | { readonly kind: 'written' | 'outrun' | 'busy' }
  | { readonly kind: 'remembered'; readonly as: Remembered };

/** What is stored, to be decided on. Whoever loaded it calls `done` once the command has ended. */
type Loaded = { readonly current: Current; readonly done: () => void };

export type Session = {
  /** Writes state, events and idempotency key in one statement, which is its own transaction and one round trip. */
  readonly append: (append: Append) => Promise<Appended>;
  /** What became of the command that had this idempotency key, undefined when none was applied. */
  readonly recall: (aggregate: string, key: string) => Promise<Remembered | undefined>;
};

/** A session that holds one aggregate's row. */
type LockedSession = Session & { readonly load: () => Promise<Current> };

/**
 * The write side's Postgres. Everything throws WriteStoreError while it is out of reach. What is loaded or appended at
 * the same time shares statements; appends of one aggregate at the same time are correct, but only one of them applies.
 */
export type Store = Session & {
  /** Null when the states in hand take all the room that there is for them. */
  readonly load: (key: Key) => Promise<Loaded | null>;
  /**
   * Runs `work` while holding the aggregate's row, so that its `append` applies. What is loaded takes no room: the
   * command has that of its first try, and waiting for more while holding a row and a connection could be for itself.
   */
  readonly locked: <T>(key: Key, work: (session: LockedSession) => Promise<T>) => Promise<T>;
  readonly read: (key: Key) => Promise<Stored | undefined>;
  /** Any other work on a connection of its own, such as migrations. */
  readonly use: <T>(work: (sql: postgres.Sql) => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
};

const sharing = { statementsMax: 2, batchItemsMax: 128, batchBytesMax: 1_048_576 };
/** Work that waits for rows of others, or runs alone because it failed in company. */
const patientLanesMax = 12;
const sharedSession = {
  /** Milliseconds. A statement that waits for a lock keeps all in it waiting, so it gives up and each goes alone. */
  lock_timeout: 250,
  /** A plan is kept; one made while the table is small must not read all of it when it is large. */
  enable_seqscan: 'off',
};

/** A state of this size is found together with others, and as many are in hand as commands are. */
const smallStateBytesMax = 16_384;
/**
 * Larger ones that commands have in hand: parsed, a state may take twenty times its bytes, and the text of the largest
 * has 4 MiB. Few wait for room, as each of them has a place that commands with small states would have.
 */
const largeStates = { bytesMax: 5 * 1_048_576, waitingMax: 32, waitMsMax: 2_000 };
const anyBytes = 2_147_483_647;

/** Of an aggregate that nothing is stored of. */
export const nothingLoaded: Loaded = { current: neverWritten, done: () => undefined };

const isBroken = (error: unknown): boolean => error instanceof WriteStoreError;

export function createStore(address: PostgresAddress): Store {
  const shared = createLanes(address, {
    // One half for appending, the other for finding.
    lanesMax: 2 * sharing.statementsMax,
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
  const append = createCoalescer<Append, Appended>(sharing, {
    bytesOf: ({ change }) => charsOf(change),
    together: (appends) => useShared(async (sql) => appendTogether(sql, appends)),
    alone: (of) => use(async (sql) => appendAlone(sql, of)),
    mayBeOneItem: mayBeOneRow,
  });
  const room = createByteRoom(largeStates);
  const find = createCoalescer<Key, Found | undefined>(sharing, {
    bytesOf: ({ id }) => id.length,
    together: (keys) => useShared(async (sql) => findTogether(sql, keys, smallStateBytesMax)),
    alone: (key) => use(async (sql) => findAlone(sql, key, smallStateBytesMax)),
    mayBeOneItem: mayBeOneRow,
  });
  const findWhole = async (key: Key): Promise<Found | undefined> =>
    use(async (sql) => findAlone(sql, key, anyBytes));
  return {
    load: async (key) => {
      const found = await orReadFailure(find(key));
      if (!isLeftOut(found)) return { ...nothingLoaded, current: currentOf(found) };
      return loadLarge(room, found.stateBytes, async () => orReadFailure(findWhole(key)));
    },
    append,
    recall: async (aggregate, key) =>
      orReadFailure(use(async (sql) => recall(sql, aggregate, key))),
    locked: (key, work) => use(async (sql) => locked(sql, key, work)),
    read: async (key) => {
      const found = await orReadFailure(find(key));
      return storedOf(isLeftOut(found) ? await orReadFailure(findWhole(key)) : found);
    },
    use,
    close: async () => {
      await Promise.all([shared.close(), patient.close()]);
    },
  };
}

function charsOf({ events }: Change): number {
  let chars = 0;
  for (const { stateText, dataText } of events) {
    chars += (stateText?.length ?? 0) + (dataText?.length ?? 0);
  }
  return chars;
}

async function orReadFailure<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((error: unknown) => {
    throw readFailure(error);
  });
}

function isLeftOut(found: Found | undefined): found is Found {
  return found !== undefined && found.stateText === null && found.stateBytes > 0;
}

function storedOf(found: Found | undefined): Stored | undefined {
  return found && { version: found.version, stateText: found.stateText };
}

/** Takes room for a large state before it is fetched; what it has grown by in between is a single command's. */
async function loadLarge(
  room: ByteRoom,
  bytes: number,
  findWhole: () => Promise<Found | undefined>,
): Promise<Loaded | null> {
  if (!(await room.take(bytes))) return null;
  const done = (): void => room.giveBack(bytes);
  try {
    return { current: currentOf(await findWhole()), done };
  } catch (error) {
    done();
    throw error;
  }
}

function currentOf(stored: Stored | undefined): Current {
  if (stored === undefined) return neverWritten;
  const { version, stateText } = stored;
  const state: unknown = stateText === null ? null : JSON.parse(stateText);
  return { version, state: isObject(state) ? state : null };
}

async function findAlone(
  sql: postgres.Sql,
  key: Key,
  stateBytesMax: number,
): Promise<Found | undefined> {
  const [found] = await findTogether(sql, [key], stateBytesMax);
  return found;
}

async function appendAlone(sql: postgres.Sql, of: Append): Promise<Appended> {
  const [appended = { kind: 'outrun' as const }] = await appendTogether(sql, [of]);
  return appended;
}

/**
 * Should the connection be lost between two of these statements, the client runs the rest on another one, without the
 * lock. That is safe, because `append` checks the version by itself; it may only fail to apply.
 */
async function locked<T>(
  sql: postgres.Sql,
  key: Key,
  work: (session: LockedSession) => Promise<T>,
): Promise<T> {
  await sql`begin`;
  try {
    const result = await work({
      load: async () => {
        await sql`
          select from cqrs.aggregate
          where aggregatetype = ${key.aggregate} and aggregateid = ${key.id} for update`;
        return currentOf(await findAlone(sql, key, anyBytes));
      },
      append: async (of) => appendAlone(sql, of),
      recall: async (aggregate, idempotencyKey) => recall(sql, aggregate, idempotencyKey),
    });
    await sql`commit`;
    return result;
  } catch (error) {
    // On a connection that is gone there is nothing to roll back, and its lane is thrown away.
    if (!(storeFailure(error) instanceof WriteStoreError)) await sql`rollback`;
    throw error;
  }
}
