import { CqrsError } from '@cqrs/contract/errors.ts';
import type { RelayConfig } from '@cqrs/contract/config.ts';
import { formatLsn, parseLsn, type Lsn } from './lsn.ts';
import { missingMigrations } from './missing-migrations.ts';
import { connectPostgres, type PostgresAddress } from './postgres-connection.ts';
import type { Epoch, PositionRecord, SlotFacts } from './slot-decision.ts';

/** The relay's own record of what Kafka acknowledged, beside the facts that it is compared with. */
export type PositionStore = AsyncDisposable & {
  /** Throws CQRS_MIGRATION_PENDING before the tables are what this relay knows. */
  readonly observe: (
    of: Pick<RelayConfig, 'slot' | 'publication'>,
  ) => Promise<Pick<SlotFacts, 'database' | 'publicationEntry' | 'slot' | 'record'> & ServerFacts>;
  /** Writes the first record, after the event table was published. */
  readonly create: (slot: string, epoch: Epoch, position: Position) => Promise<void>;
  /**
   * Moves the record, durably, and gives the server's current end of the WAL. Throws when it is not there any more:
   * somebody wants the event table to be published again.
   */
  readonly write: (slot: string, epoch: Epoch, position: Position) => Promise<Lsn>;
};

type Position = Pick<PositionRecord, 'lsn' | 'published' | 'topicIds'>;
type ServerFacts = {
  readonly walEnd: Lsn;
  readonly serverVersion: number;
  readonly gated: boolean;
};

type FactsRow = {
  readonly database: string;
  readonly wal_end: string;
  readonly server_version: string;
  readonly gated: boolean;
  readonly publication_entry: string | null;
  readonly plugin: string | null;
  readonly slot_database: string;
  readonly active: boolean;
  readonly wal_status: string | null;
  readonly synced: boolean;
  readonly confirmed: string | null;
};

type RecordRow = {
  readonly system_identifier: string;
  readonly timeline: string | null;
  readonly gated: boolean | null;
  readonly publication_entry: string | null;
  readonly lsn: string;
  readonly published: string;
  readonly topic_ids: string;
};

export function openPositionStore(address: PostgresAddress, onClose: () => void): PositionStore {
  const sql = connectPostgres(address, { replication: false, onClose });
  const readRecord = async (slot: string): Promise<PositionRecord | null> => {
    const [row] = await sql<RecordRow[]>`
      select system_identifier, timeline, gated, publication_entry, lsn::text, published::text,
        topic_ids::text
      from cqrs.relay_position where slot = ${slot}`;
    return row === undefined ? null : recordOf(row);
  };
  return {
    observe: async ({ slot, publication }) => {
      const missing = await missingMigrations(sql);
      if (missing !== undefined) throw new CqrsError('CQRS_MIGRATION_PENDING', missing);
      // A column that only newer servers have is asked for by its name as text.
      const [row] = await sql<[FactsRow]>`
        select
          current_database() as database,
          pg_current_wal_lsn()::text as wal_end,
          current_setting('server_version_num') as server_version,
          coalesce(current_setting('synchronized_standby_slots', true), '') <> '' as gated,
          (
            select coalesce(entry.oid, case when puballtables then publication.oid end)
            from pg_publication as publication
            left join pg_publication_rel as entry
              on prpubid = publication.oid and prrelid = to_regclass('cqrs.event')
            where pubname = ${publication}
          ) as publication_entry,
          plugin, slots.database as slot_database, active, wal_status,
          coalesce((to_jsonb(slots) ->> 'synced')::boolean, false) as synced,
          confirmed_flush_lsn::text as confirmed
        from (values (1)) as one
        left join pg_replication_slots as slots on slot_name = ${slot}`;
      return {
        database: row.database,
        walEnd: parseLsn(row.wal_end),
        serverVersion: Number(row.server_version),
        gated: row.gated,
        publicationEntry: numberOrNull(row.publication_entry),
        slot: slotOf(row),
        record: await readRecord(slot),
      };
    },
    create: async (slot, epoch, { lsn, published, topicIds }) => {
      const rows = await sql`
        insert into cqrs.relay_position
          (slot, system_identifier, timeline, gated, publication_entry, lsn, published, topic_ids)
        values (
          ${slot}, ${epoch.systemIdentifier}, ${epoch.timeline}, ${epoch.gated},
          ${epoch.publicationEntry}, ${formatLsn(lsn)}::text::pg_lsn,
          ${jsonOf(published)}::text::jsonb, ${jsonOf(topicIds)}::text::jsonb
        )
        on conflict do nothing
        returning slot`;
      if (rows.length === 0) throw overtaken(slot, lsn);
    },
    write: async (slot, epoch, { lsn, published, topicIds }) => {
      const [row] = await sql<{ wal_end: string }[]>`
        update cqrs.relay_position set
          timeline = ${epoch.timeline}, gated = ${epoch.gated},
          publication_entry = ${epoch.publicationEntry}, lsn = ${formatLsn(lsn)}::text::pg_lsn,
          published = ${jsonOf(published)}::text::jsonb,
          topic_ids = ${jsonOf(topicIds)}::text::jsonb, updated_at = now()
        where slot = ${slot} and system_identifier = ${epoch.systemIdentifier}
          and lsn <= ${formatLsn(lsn)}::text::pg_lsn
        returning pg_current_wal_lsn()::text as wal_end`;
      if (row === undefined) throw overtaken(slot, lsn);
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
    synced: row.synced,
    confirmed: parseLsn(row.confirmed ?? '0/0'),
  };
}

function recordOf(row: RecordRow): PositionRecord {
  return {
    systemIdentifier: row.system_identifier,
    timeline: numberOrNull(row.timeline),
    gated: row.gated,
    publicationEntry: numberOrNull(row.publication_entry),
    lsn: parseLsn(row.lsn),
    published: new Map(Object.entries(JSON.parse(row.published) as Record<string, number>)),
    topicIds: new Map(Object.entries(JSON.parse(row.topic_ids) as Record<string, string>)),
  };
}

function numberOrNull(text: string | null): number | null {
  return text === null ? null : Number(text);
}

function jsonOf(byTopic: ReadonlyMap<string, number | string>): string {
  return JSON.stringify(Object.fromEntries(byTopic));
}

function overtaken(slot: string, lsn: Lsn): CqrsError {
  return new CqrsError(
    'CQRS_REPLICATION_FAILED',
    `The record of the slot ${slot} was deleted or is already past ${formatLsn(lsn)}: somebody else works on it, so this relay starts over.`,
  );
}
