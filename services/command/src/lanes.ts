import { Socket } from 'node:net';
import postgres from 'postgres';

export type PostgresAddress = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
};

export type LaneSettings = {
  /** Connections; more work than that waits its turn. */
  readonly lanesMax: number;
  /** Settings of every session, beside the common ones. */
  readonly session: Readonly<Record<string, string | number | boolean>>;
  readonly isBroken: (error: unknown) => boolean;
};

/** Connections to Postgres, each used by one piece of work at a time. As many are open as ever ran at once. */
export type Lanes = {
  /** Runs `work` on a connection of its own; one on which it failed as `isBroken` says is thrown away. */
  readonly use: <T>(work: (sql: postgres.Sql) => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
};

const connectMsMax = 2_000;
const statementMsMax = 5_000;
/** A server that is frozen or cut off sends neither an answer nor a reset; after this its connection is given up. */
export const silenceMsMax = 8_000;
const keepAliveMs = 10_000;
const closeMsMax = 5_000;

type Lane = { readonly sql: postgres.Sql; busy: boolean; socket: Socket | undefined };

/**
 * A pool of our own, because the client's pool keeps a connection's state when it connects again: a write that was
 * queued when the socket closed spoils the next one, and a rollback on a closed one ends the process. A lane has one
 * connection and does not outlive it.
 */
export function createLanes(address: PostgresAddress, settings: LaneSettings): Lanes {
  const free: Lane[] = [];
  const turns: (() => void)[] = [];
  let inUse = 0;

  const enter = async (): Promise<void> => {
    if (inUse < settings.lanesMax) {
      inUse += 1;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    turns.push(resolve);
    await promise;
  };
  // The one who leaves hands its place on, so `inUse` does not change then.
  const leave = (): void => {
    const next = turns.shift();
    if (next === undefined) inUse -= 1;
    else next();
  };
  return {
    use: async (work) => {
      await enter();
      // The most recently used is taken first: it is the least likely to have been cut off while it was idle.
      const lane = free.pop() ?? openLane(address, settings.session);
      lane.busy = true;
      // Silence counts from here: the timeout of a lane that was idle may be due before its statement is written.
      lane.socket?.setTimeout(silenceMsMax);
      try {
        const result = await work(lane.sql);
        free.push(lane);
        return result;
      } catch (error) {
        if (settings.isBroken(error)) discard(lane);
        else free.push(lane);
        throw error;
      } finally {
        lane.busy = false;
        leave();
      }
    },
    close: async () => {
      await Promise.all(free.map(({ sql }) => sql.end({ timeout: closeMsMax / 1000 })));
    },
  };
}

function openLane(
  { host, port, database, user, password }: PostgresAddress,
  session: LaneSettings['session'],
): Lane {
  const settings = {
    host,
    port,
    database,
    user,
    password,
    max: 1,
    connect_timeout: connectMsMax / 1000,
    keep_alive: keepAliveMs / 1000,
    fetch_types: false,
    onnotice: () => undefined,
    connection: {
      application_name: 'cqrs-command',
      statement_timeout: statementMsMax,
      idle_in_transaction_session_timeout: statementMsMax,
      ...session,
    },
    // The client hands over a socket that may still be connecting: it queues what is written until then.
    socket: () => {
      const socket = new Socket();
      socket.setNoDelay(true);
      socket.setTimeout(silenceMsMax, () => {
        if (lane.busy) socket.destroy();
      });
      lane.socket = socket;
      return socket.connect(port, host);
    },
  };
  const lane: Lane = { sql: postgres(settings), busy: false, socket: undefined };
  return lane;
}

function discard({ sql }: Lane): void {
  sql.end({ timeout: 0 }).catch(() => undefined);
}
