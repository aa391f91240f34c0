/** Names inside the write database. The event table is the outbox; its columns are the ones Debezium's outbox router expects. */
export const postgresNames = {
  database: 'cqrs',
  schema: 'cqrs',
  publication: 'cqrs',
  /** Owns the schema and writes commands; may not replicate. */
  commandRole: 'cqrs_command',
  /** Replicates, reads the event table and keeps its own record of what Kafka acknowledged. */
  relayRole: 'cqrs_relay',
} as const;

/** The replication slot of a service: slot names allow only [a-z0-9_] and 63 bytes. */
export function slotName(service: { readonly namespace: string; readonly name: string }): string {
  return `cqrs_${service.namespace}_${service.name}`.replaceAll('-', '_').slice(0, 63);
}
