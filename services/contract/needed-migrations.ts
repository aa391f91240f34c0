/** A migration of the write database, known by a column that it adds: those are readable to every role, even before grants. */
export type NeededMigration = {
  /** Its file's name in services/command/src/migrations, without the extension. */
  readonly name: string;
  /** In the schema of postgres-names.ts. */
  readonly table: string;
  readonly column: string;
};

/**
 * The migrations that each program uses without running them, in their order. The write side runs them when it starts, and
 * in an upgrade another program may be there first: it then waits and says for which.
 */
export const neededMigrations = {
  relay: [
    { name: '0001-aggregates-and-events', table: 'relay_position', column: 'lsn' },
    { name: '0003-relay-history', table: 'relay_position', column: 'published' },
    { name: '0004-relay-topic-ids', table: 'relay_position', column: 'topic_ids' },
  ],
} as const satisfies Record<string, readonly NeededMigration[]>;
