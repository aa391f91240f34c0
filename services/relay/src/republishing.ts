import type { RelayConfig } from '@cqrs/contract/config.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type postgres from 'postgres';
import { missingMigrations } from './missing-migrations.ts';
import { connectPostgres, type PostgresAddress } from './postgres-connection.ts';
import { lockKey } from './replication.ts';

const lockMsMax = 30_000;
const holderRetryMs = 200;

/** `begun` is false when nothing was changed, because of what `text` says. */
export type Outcome = { readonly begun: boolean; readonly text: string };

type State = {
  readonly publication_exists: boolean;
  readonly plugin: string | null;
  readonly slot_database: string | null;
  readonly database: string;
  readonly events: string;
};

/**
 * Deletes the relay's record while holding the lock on the slot, so that no relay works meanwhile; the next one to get
 * the lock finds no record, drops the slot and begins with the event table. What a relay was doing is ended: it would
 * write the record again.
 */
export async function startRepublishing(
  address: PostgresAddress,
  { slot, publication, topics }: RelayConfig,
  say: (text: string) => void,
): Promise<Outcome> {
  const sql = connectPostgres(address, { replication: false, onClose: () => undefined });
  try {
    const missing = await missingMigrations(sql);
    if (missing !== undefined) return { begun: false, text: `Nothing was changed. ${missing}` };
    const names = topics.map(({ aggregate }) => aggregate);
    const [state] = await sql<[State]>`
      select
        exists (select from pg_publication where pubname = ${publication}) as publication_exists,
        plugin, slots.database as slot_database, current_database() as database,
        (
          select count(*) from cqrs.event
          where aggregatetype in (select jsonb_array_elements_text(${JSON.stringify(names)}::text::jsonb))
        ) as events
      from (values (1)) as one
      left join pg_replication_slots as slots on slot_name = ${slot}`;
    const obstacle = obstacleIn(state, slot, publication);
    if (obstacle !== undefined) return { begun: false, text: `Nothing was changed. ${obstacle}` };

    say(`Waiting for the relay to let go of the slot ${slot}.`);
    await takeLock(sql, address, slot);
    const records = await sql`delete from cqrs.relay_position where slot = ${slot} returning slot`;
    say(
      records.length === 0
        ? 'There was no record of what Kafka acknowledged; none is needed.'
        : 'Deleted the record of what Kafka acknowledged.',
    );
    return {
      begun: true,
      text: `The relay makes the slot anew and publishes the ${state.events} events of the table within seconds; its status has "streaming": true when it is done. Readers drop what they know by its version.`,
    };
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function obstacleIn(state: State, slot: string, publication: string): string | undefined {
  const { plugin, slot_database: slotDatabase, database } = state;
  if (!state.publication_exists) {
    return `The publication is missing. Make it, as the owner of the table, and run this again: create publication ${publication} for table cqrs.event with (publish = 'insert')`;
  }
  if (plugin !== null && (plugin !== 'pgoutput' || slotDatabase !== database)) {
    return `The slot ${slot} is not the relay's: it decodes ${slotDatabase} by ${plugin}. If nothing needs it, run as a superuser, then this again: select pg_drop_replication_slot('${slot}')`;
  }
  return undefined;
}

/**
 * Waits in the lock's queue, which a relay that comes back at once cannot pass: it only tries for the lock, and a try
 * fails while somebody waits. Meanwhile the walsender that holds it is ended; a role may end its own sessions.
 */
async function takeLock(sql: postgres.Sql, address: PostgresAddress, slot: string): Promise<void> {
  const [own] = await sql.unsafe<[{ pid: number }]>('select pg_backend_pid() as pid');
  await sql.unsafe('set statement_timeout = 0');
  await sql.unsafe(`set lock_timeout = ${lockMsMax}`);
  const locked = new AbortController();
  const taken = sql
    .unsafe(`select pg_advisory_lock(${lockKey(slot)})`)
    .catch((cause: unknown) => {
      throw new CqrsError(
        'CQRS_SLOT_BUSY',
        `Something has held the lock on the slot ${slot} for ${lockMsMax / 1000} s.`,
        cause,
      );
    })
    .finally(() => locked.abort());
  await Promise.all([taken, endHolders(address, slot, own.pid, locked.signal)]);
  await sql.unsafe('set statement_timeout to default');
}

async function endHolders(
  address: PostgresAddress,
  slot: string,
  ownPid: number,
  stop: AbortSignal,
): Promise<void> {
  const sql = connectPostgres(address, { replication: false, onClose: () => undefined });
  try {
    while (!stop.aborted) {
      await sql.unsafe(
        `select pg_terminate_backend(pid) from pg_locks
         where locktype = 'advisory' and granted and pid <> ${ownPid} and database = (
             select oid from pg_database where datname = current_database()
           )
           and (classid::bigint << 32 | objid::bigint) = ${lockKey(slot)}`,
      );
      await delay(holderRetryMs, undefined, { signal: stop }).catch(() => undefined);
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}
