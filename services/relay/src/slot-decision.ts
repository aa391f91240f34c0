import { CqrsError, type ErrorCode } from '@cqrs/contract/errors.ts';
import { formatLsn, type Lsn } from './lsn.ts';

/** What the database says about the slot and what the relay wrote down about it. */
export type SlotFacts = {
  readonly name: string;
  readonly database: string;
  readonly systemIdentifier: string;
  readonly publicationExists: boolean;
  readonly slot: {
    readonly plugin: string;
    readonly database: string;
    readonly active: boolean;
    /** The WAL that it needs is gone, or it was invalidated. */
    readonly lost: boolean;
    readonly confirmed: Lsn;
  } | null;
  /** Our own record of what Kafka acknowledged, always written before the slot was told. */
  readonly record: { readonly systemIdentifier: string; readonly lsn: Lsn } | null;
};

export type SlotDecision =
  /**
   * Go on from our own record. A crash of the server takes the slot back to the last checkpoint; the record is a row,
   * so it is never behind what was confirmed, and starting from it leaves out what Kafka has already.
   */
  | { readonly action: 'resume'; readonly from: Lsn }
  /** Publish every event of the table from the snapshot of a new slot, then go on from there. */
  | { readonly action: 'begin'; readonly dropFirst: boolean };

type Check = (facts: SlotFacts) => CqrsError | undefined;

/** In this order: what waiting cures, then what only a person can. */
const checks: readonly Check[] = [
  publicationMissing,
  slotBusy,
  slotOfAnother,
  otherDatabase,
  slotLost,
  slotAhead,
];

/**
 * Whether to resume or to begin. Throws CQRS_REPLICATION_FAILED or CQRS_SLOT_BUSY where waiting helps, CQRS_SLOT_AHEAD
 * or CQRS_SLOT_LOST where events would be lost by going on.
 */
export function decideSlot(facts: SlotFacts): SlotDecision {
  for (const check of checks) {
    const error = check(facts);
    if (error !== undefined) throw error;
  }
  const { record, slot } = facts;
  return record === null
    ? { action: 'begin', dropFirst: slot !== null }
    : { action: 'resume', from: record.lsn };
}

/** Whether only a person can help: the relay stays, says so, and looks again now and then. */
export function needsPerson(code: ErrorCode): boolean {
  return (
    code === 'CQRS_SLOT_AHEAD' ||
    code === 'CQRS_SLOT_LOST' ||
    code === 'CQRS_TOPIC_MISMATCH' ||
    code === 'CQRS_AGGREGATE_UNDECLARED' ||
    code === 'CQRS_EVENT_MALFORMED'
  );
}

function publicationMissing({ publicationExists, database }: SlotFacts) {
  if (publicationExists) return undefined;
  return new CqrsError(
    'CQRS_REPLICATION_FAILED',
    `The database ${database} has no publication for the relay yet; the command service makes it when it starts.`,
  );
}

function slotBusy({ slot, name }: SlotFacts) {
  return slot?.active === true ? slotIsBusy(name) : undefined;
}

export function slotIsBusy(name: string): CqrsError {
  return new CqrsError(
    'CQRS_SLOT_BUSY',
    `Another relay uses the replication slot ${name}; this one stands by and takes over when that one ends.`,
  );
}

function slotOfAnother({ slot, name, database }: SlotFacts) {
  if (slot === null || (slot.plugin === 'pgoutput' && slot.database === database)) return undefined;
  return new CqrsError(
    'CQRS_SLOT_AHEAD',
    `The replication slot ${name} is not the relay's: it decodes ${slot.database} by ${slot.plugin}. Drop it if nothing needs it: select pg_drop_replication_slot('${name}').`,
  );
}

function otherDatabase({ record, systemIdentifier, name }: SlotFacts) {
  if (record === null || record.systemIdentifier === systemIdentifier) return undefined;
  return new CqrsError(
    'CQRS_SLOT_AHEAD',
    `The relay's record is of another Postgres (${record.systemIdentifier}; this one is ${systemIdentifier}), so positions in its WAL mean nothing here. ${remedy(name)}`,
  );
}

function slotLost({ record, slot, name }: SlotFacts) {
  if (record === null || (slot !== null && !slot.lost)) return undefined;
  const what = slot === null ? 'does not exist any more' : 'has lost WAL that it needs';
  return new CqrsError(
    'CQRS_SLOT_LOST',
    `The replication slot ${name} ${what}; events after ${formatLsn(record.lsn)} may never have been published. ${remedy(name)}`,
  );
}

function slotAhead({ record, slot, name }: SlotFacts) {
  if (record === null || slot === null || slot.confirmed <= record.lsn) return undefined;
  return new CqrsError(
    'CQRS_SLOT_AHEAD',
    `The replication slot ${name} is at ${formatLsn(slot.confirmed)}, ahead of what Kafka has acknowledged (${formatLsn(record.lsn)}); the events between would be lost. ${remedy(name)}`,
  );
}

function remedy(name: string): string {
  return `To publish every event of the table again (readers drop what they know by its version): delete from cqrs.relay_position where slot = '${name}'.`;
}
