import { CqrsError } from '@cqrs/contract/errors.ts';
import type { RelayConfig } from '@cqrs/contract/config.ts';
import { formatLsn, parseLsn, type Lsn } from './lsn.ts';
import { connectPostgres, type PostgresAddress } from './postgres-connection.ts';
import type { SlotFacts } from './slot-decision.ts';

/** The relay's own record of what Kafka acknowledged, beside the facts that it is compared with. */
export type PositionStore = AsyncDisposable & {
  readonly observe: (
    of: Pick<RelayConfig, 'slot' | 'publication'>,
  ) => Promise<Omit<SlotFacts, 'systemIdentifier' | 'name'> & PositionFacts>;
  /** Writes the record durably and gives the server's current end of the WAL. */
  readonly write: (slot: string, systemIdentifier: string, lsn: Lsn) => Promise<Lsn>;
};

type PositionFacts = { readonly walEnd: Lsn; readonly serverVersion: number };

type FactsRow = {
  readonly database: string;
  readonly wal_end: string;
  readonly server_version: string;
  readonly publication_exists: boolean;
  readonly plugin: string | null;
  readonly slot_database: string;
  readonly active: boolean;
  readonly wal_status: string | null;
  readonly confirmed: string | null;
};

export function openPositionStore(address: PostgresAddress, onClose: () => void): PositionStore {
  const sql = connectPostgres(address, { replication: false, onClose });
  const readRecord = async (slot: string): Promise<SlotFacts['record']> => {
    const rows = await sql<{ system_identifier: string; lsn: string }[]>`
      select system_identifier, lsn::text from cqrs.relay_position where slot = ${slot}`;
    const row = rows[0];
    return row === undefined
      ? null
      : { systemIdentifier: row.system_identifier, lsn: parseLsn(row.lsn) };
  };
  return {
    observe: async ({ slot, publication }) => {
      const [row] = await sql<[FactsRow]>`
        select
          current_database() as database,
          pg_current_wal_lsn()::text as wal_end,
          current_setting('server_version_num') as server_version,
          exists (select from pg_publication where pubname = ${publication}) as publication_exists,
          plugin, slots.database as slot_database, active, wal_status,
          confirmed_flush_lsn::text as confirmed
        from (values (1)) as one
        left join pg_replication_slots as slots on slot_name = ${slot}`;
      return {
        database: row.database,
        walEnd: parseLsn(row.wal_end),
        serverVersion: Number(row.server_version),
        publicationExists: row.publication_exists,
        slot: slotOf(row),
        record: row.publication_exists ? await readRecord(slot) : null,
      };
    },
    write: async (slot, systemIdentifier, lsn) => {
      const text = formatLsn(lsn);
      const rows = await sql<{ wal_end: string }[]>`
        insert into cqrs.relay_position as known (slot, system_identifier, lsn)
        values (${slot}, ${systemIdentifier}, ${text}::text::pg_lsn)
        on conflict (slot) do update set lsn = excluded.lsn, updated_at = now()
          where known.lsn <= excluded.lsn and known.system_identifier = excluded.system_identifier
        returning pg_current_wal_lsn()::text as wal_end`;
      const row = rows[0];
      if (row === undefined) throw overtaken(slot, text);
      return parseLsn(row.wal_end);
    },
    [Symbol.asyncDispose]: () => sql.end({ timeout: 0 }),
  };
}

function slotOf(row: FactsRow): SlotFacts['slot'] {
  if (row.plugin === null) return null;
  return {
    plugin: row.plugin,
    database: row.slot_database,
    active: row.active,
    lost: row.wal_status === 'lost' || row.confirmed === null,
    confirmed: parseLsn(row.confirmed ?? '0/0'),
  };
}

function overtaken(slot: string, lsn: string): CqrsError {
  return new CqrsError(
    'CQRS_REPLICATION_FAILED',
    `The record of the slot ${slot} is already past ${lsn}: another relay works on it, so this one starts over.`,
  );
}
