import { Socket } from 'node:net';
import postgres from 'postgres';

export type PostgresAddress = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
};

const connectMsMax = 3_000;
const statementMsMax = 10_000;
/** A relay that is frozen, or whose node is lost, leaves the slot and its lock to a standby after this. */
const walSenderTimeoutMs = 15_000;
/** The same before it streams. */
const idleSessionMsMax = 60_000;

/**
 * One connection for one session of the relay: when it ends the session ends, because what it held (the slot, its lock,
 * a snapshot) is gone. `onClose` is told whichever way it ends; the client would otherwise quietly open another.
 */
export function connectPostgres(
  { host, port, database, user, password }: PostgresAddress,
  options: { readonly replication: boolean; readonly onClose: () => void },
): postgres.Sql {
  const settings = {
    host,
    port,
    database,
    user,
    password,
    max: 1,
    connect_timeout: connectMsMax / 1000,
    idle_timeout: 0,
    max_lifetime: null,
    fetch_types: false,
    onnotice: () => undefined,
    onclose: options.onClose,
    connection: {
      application_name: 'cqrs-relay',
      timezone: 'UTC',
      datestyle: 'ISO',
      // A copy of the whole event table takes as long as it takes; what is cut off is found by other means.
      statement_timeout: options.replication ? 0 : statementMsMax,
      ...(options.replication
        ? {
            replication: 'database',
            wal_sender_timeout: walSenderTimeoutMs,
            idle_session_timeout: idleSessionMsMax,
          }
        : {}),
    },
    socket: () => {
      const socket = new Socket();
      socket.setNoDelay(true);
      return socket.connect(port, host);
    },
  };
  return postgres(settings);
}
