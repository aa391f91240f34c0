import { Duplex, Readable } from 'node:stream';
import { CqrsError } from '@cqrs/contract/errors.ts';
import type postgres from 'postgres';
import { arrivals } from './arrivals.ts';
import { parseCopyRow } from './copy-row.ts';
import { eventColumns } from './event-record.ts';
import { formatLsn, parseLsn, type Lsn } from './lsn.ts';
import { decodeServerMessage, encodeStatus, type ServerMessage, type Tuple } from './pgoutput.ts';
import { connectPostgres, type PostgresAddress } from './postgres-connection.ts';
import { slotIsBusy } from './slot-decision.ts';

/** Read ahead of the decoder; with the stream's own 64 KiB this is all that the relay holds undecoded. */
const readAheadBytesMax = 262_144;
/** Well below wal_sender_timeout (60 s by default): the server must hear from us while we do not read. */
const statusIntervalMs = 5_000;
/** A server answers each status, so longer silence is a lost one. */
const silenceMsMax = 20_000;
/** PostgreSQL 17 can keep a slot on its standbys. */
const failoverSince = 170_000;
const objectInUse = '55006';

type SlotNames = { readonly slot: string; readonly publication: string };

/** The replication connection: a walsender of the database, which also runs SQL. */
export type Replication = AsyncDisposable & {
  readonly identify: () => Promise<{
    readonly systemIdentifier: string;
    readonly timeline: number;
  }>;
  /** Holds the right to work on the slot for as long as this connection lives. */
  readonly lock: (slot: string) => Promise<void>;
  /** Makes the slot anew and gives the events that are in the table at exactly its starting point. */
  readonly createSlot: (
    slot: string,
    options: { readonly dropFirst: boolean; readonly serverVersion: number },
  ) => Promise<Snapshot>;
  readonly start: (names: SlotNames, from: Lsn, stop: AbortSignal) => Promise<WalStream>;
};

type Snapshot = {
  readonly lsn: Lsn;
  /** Tuples in the order of `eventColumns`; per aggregate in the order of its versions. */
  readonly events: (
    aggregates: readonly string[],
    stop: AbortSignal,
  ) => AsyncIterable<readonly Tuple[]>;
  readonly close: () => Promise<void>;
};

export type WalStream = {
  readonly messages: AsyncIterable<readonly ServerMessage[]>;
  /** Tells the server that everything below may be forgotten. */
  readonly confirm: (lsn: Lsn) => void;
};

/** SQL for the key of the advisory lock on a slot, whose name is harmless as it is. */
export function lockKey(slot: string): string {
  return `hashtextextended('${slot}', 0)`;
}

export function openReplication(address: PostgresAddress, onClose: () => void): Replication {
  const sql = connectPostgres(address, { replication: true, onClose });
  const stopped = new AbortController();
  return {
    identify: async () => {
      const [row] = await sql.unsafe<[{ systemid: string; timeline: string }]>('IDENTIFY_SYSTEM');
      return { systemIdentifier: row.systemid, timeline: Number(row.timeline) };
    },
    lock: async (slot) => {
      const [row] = await sql.unsafe<[{ locked: boolean }]>(
        `select pg_try_advisory_lock(${lockKey(slot)}) as locked`,
      );
      if (!row.locked) throw slotIsBusy(slot);
    },
    createSlot: async (slot, { dropFirst, serverVersion }) => {
      if (dropFirst) await sql.unsafe(`DROP_REPLICATION_SLOT ${slot}`);
      await sql.unsafe('begin transaction isolation level repeatable read read only');
      const failover = serverVersion >= failoverSince ? ', FAILOVER' : '';
      const [row] = await sql.unsafe<[{ consistent_point: string }]>(
        `CREATE_REPLICATION_SLOT ${slot} LOGICAL pgoutput (SNAPSHOT 'use'${failover})`,
      );
      return {
        lsn: parseLsn(row.consistent_point),
        events: (aggregates, stop) => readEvents(sql, aggregates, stop),
        close: async () => void (await sql.unsafe('commit')),
      };
    },
    start: async ({ slot, publication }, from, stop) => {
      const stream = await startStreaming(sql, { slot, publication }, from);
      const status = createStatus(stream, from, stopped.signal);
      return { messages: receive(stream, status, stop), confirm: status.confirm };
    },
    [Symbol.asyncDispose]: async () => {
      stopped.abort();
      await sql.end({ timeout: 0 });
    },
  };
}

async function startStreaming(sql: postgres.Sql, { slot, publication }: SlotNames, from: Lsn) {
  try {
    // The server starts from what the slot has confirmed, if that is later than what we ask for.
    const query = sql.unsafe(
      `START_REPLICATION SLOT ${slot} LOGICAL ${formatLsn(from)} (proto_version '1', publication_names '"${publication}"')`,
    );
    const stream: unknown = await heardFromItsStart(query).writable();
    if (stream instanceof Duplex) return stream;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === objectInUse) {
      throw slotIsBusy(slot);
    }
    throw error;
  }
  throw new CqrsError('CQRS_REPLICATION_FAILED', 'Postgres did not start to stream the WAL.');
}

/**
 * The client gives a query's stream by a promise. An error that arrives together with the stream's beginning, such as
 * that of a server whose disk is full, is emitted before anybody who awaits that promise runs, and an error that nobody
 * listens to ends the process. So it is listened to from the moment of the giving; `arrivals` finds it on the stream.
 */
function heardFromItsStart<T extends object>(query: T): T {
  const given = query as T & { resolve: (stream: unknown) => void };
  const { resolve } = given;
  given.resolve = (stream) => {
    if (stream instanceof Readable) stream.on('error', () => undefined);
    resolve(stream);
  };
  return query;
}

async function* readEvents(
  sql: postgres.Sql,
  aggregates: readonly string[],
  stop: AbortSignal,
): AsyncGenerator<readonly Tuple[], void, void> {
  const names = aggregates.map((name) => `'${name.replaceAll("'", "''")}'`).join(', ');
  const columns = eventColumns.map((column) => `${column}::text`).join(', ');
  // Sorted by the table's columns: a bare `version` would be the text that is selected, and put 10 before 2.
  const query = sql.unsafe(
    `copy (
      select ${columns} from cqrs.event as stored where aggregatetype in (${names})
      order by stored.aggregatetype, stored.aggregateid, stored.version
    ) to stdout (format binary)`,
  );
  const stream: unknown = await heardFromItsStart(query).readable();
  if (!(stream instanceof Readable)) {
    throw new CqrsError('CQRS_REPLICATION_FAILED', 'Postgres did not copy the event table.');
  }
  for await (const chunks of arrivals(stream, readAheadBytesMax, stop)) {
    yield chunks.map(parseCopyRow).filter((row) => row !== undefined);
  }
}

type StatusSender = {
  readonly confirm: (lsn: Lsn) => void;
  readonly received: (message: ServerMessage) => void;
  readonly reading: (now: boolean) => void;
};

/** Answers the server in its own time, whether or not the stream is being read. */
function createStatus(stream: Duplex, from: Lsn, stop: AbortSignal): StatusSender {
  let flushed = from;
  let written = from;
  let isReading = false;
  let lastHeardMs = performance.now();
  const send = (replyRequested: boolean): void => {
    // The client would write to a socket that is gone.
    if (stream.destroyed || stream.readableEnded) return;
    stream.write(encodeStatus({ written, flushed, sentAtMs: Date.now(), replyRequested }));
  };
  const timer = setInterval(() => {
    if (isReading && performance.now() - lastHeardMs > silenceMsMax) {
      stream.destroy(new Error(`Postgres has been silent for ${silenceMsMax} ms`));
      return;
    }
    send(true);
  }, statusIntervalMs);
  stop.addEventListener('abort', () => clearInterval(timer), { once: true });
  return {
    confirm: (lsn) => {
      if (lsn < flushed) throw new RangeError(`confirming ${lsn} after ${flushed}`);
      flushed = lsn;
      if (written < lsn) written = lsn;
      send(false);
    },
    received: (message) => {
      lastHeardMs = performance.now();
      if (message.kind === 'commit' && message.endLsn > written) written = message.endLsn;
      if (message.kind !== 'keepalive') return;
      if (message.walEnd > written) written = message.walEnd;
      if (message.replyRequested) send(false);
    },
    reading: (now) => {
      isReading = now;
      lastHeardMs = performance.now();
    },
  };
}

async function* receive(
  stream: Duplex,
  status: StatusSender,
  stop: AbortSignal,
): AsyncGenerator<readonly ServerMessage[], void, void> {
  status.reading(true);
  for await (const chunks of arrivals(stream, readAheadBytesMax, stop)) {
    const messages = chunks.map(decodeServerMessage);
    for (const message of messages) status.received(message);
    status.reading(false);
    yield messages;
    status.reading(true);
  }
}
