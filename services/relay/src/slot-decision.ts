import type { ServiceIdentity } from '@cqrs/contract/config.ts';
import { CqrsError, type ErrorCode } from '@cqrs/contract/errors.ts';
import { formatLsn, type Lsn } from './lsn.ts';
import { republish } from './republish-command.ts';

/** Which history of which Postgres a position belongs to: an LSN means something only together with it. */
export type Epoch = {
  readonly systemIdentifier: string;
  /** Rises by one with every promotion, from where WAL positions may be used a second time. */
  readonly timeline: number;
  /** Whether the relay got only what a standby had already (`synchronized_standby_slots`). */
  readonly gated: boolean;
  /** The oid of the event table's entry in the publication, which is another one when it was made again. */
  readonly publicationEntry: number | null;
};

/** Our own record of what Kafka acknowledged, always written before the slot is told. */
export type PositionRecord = {
  readonly systemIdentifier: string;
  /** Null when a relay wrote it that did not know of these yet. */
  readonly timeline: number | null;
  readonly gated: boolean | null;
  readonly publicationEntry: number | null;
  readonly lsn: Lsn;
  /** Events that Kafka has acknowledged, by topic: it holds at least as many, or has lost some. */
  readonly published: ReadonlyMap<string, number>;
  /** Kafka's own ids of those topics; what a relay wrote that did not know of these has none. */
  readonly topicIds: ReadonlyMap<string, string>;
};

/** What the database says about the slot and what the relay wrote down about it. */
export type SlotFacts = {
  readonly service: ServiceIdentity;
  readonly name: string;
  readonly database: string;
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** Null when there is no publication, or the event table is not in it. */
  readonly publicationEntry: number | null;
  readonly slot: {
    readonly plugin: string;
    readonly database: string;
    readonly active: boolean;
    /** The WAL that it needs is gone, or it was invalidated. */
    readonly lost: boolean;
    /** It was a standby's copy until that was promoted (PostgreSQL 17 and later). */
    readonly synced: boolean;
    readonly confirmed: Lsn;
  } | null;
  readonly record: PositionRecord | null;
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
  publicationLost,
  slotLost,
  timelineUngated,
  slotAhead,
];

/**
 * Whether to resume or to begin. Throws CQRS_REPLICATION_FAILED or CQRS_SLOT_BUSY where waiting helps, CQRS_SLOT_AHEAD,
 * CQRS_SLOT_LOST, CQRS_PUBLICATION_LOST or CQRS_TIMELINE_CHANGED where events would be lost by going on.
 */
export function decideSlot(facts: SlotFacts): SlotDecision {
  for (const check of checks) {
    const error = check(facts);
    if (error !== undefined) throw error;
  }
  const { record, slot } = facts;
  if (record === null) return { action: 'begin', dropFirst: slot !== null };
  // Past the record only as a standby's copy: `slotAhead` has refused the others.
  const beyond = slot !== null && slot.confirmed > record.lsn;
  return { action: 'resume', from: beyond ? slot.confirmed : record.lsn };
}

const personCodes: ReadonlySet<ErrorCode> = new Set([
  'CQRS_SLOT_AHEAD',
  'CQRS_SLOT_LOST',
  'CQRS_PUBLICATION_LOST',
  'CQRS_TIMELINE_CHANGED',
  'CQRS_TOPIC_LOST',
  'CQRS_TOPIC_MISMATCH',
  'CQRS_AGGREGATE_UNDECLARED',
  'CQRS_EVENT_MALFORMED',
]);

/** Whether only a person can help: the relay stays, says so, and looks again now and then. */
export function needsPerson(code: ErrorCode): boolean {
  return personCodes.has(code);
}

const calmCodes: ReadonlySet<ErrorCode> = new Set(['CQRS_SLOT_BUSY', 'CQRS_MIGRATION_PENDING']);

/** Whether nothing is wrong: somebody else is at work, and the relay looks often whether it is done. */
export function isCalm(code: ErrorCode): boolean {
  return calmCodes.has(code);
}

function publicationMissing({ publicationEntry, record, database }: SlotFacts) {
  if (publicationEntry !== null || record !== null) return undefined;
  return new CqrsError(
    'CQRS_REPLICATION_FAILED',
    `The database ${database} has no publication for the relay yet; the migrations make it, which run when the write side starts.`,
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

function slotOfAnother({ slot, name, database, service }: SlotFacts) {
  if (slot === null || (slot.plugin === 'pgoutput' && slot.database === database)) return undefined;
  return new CqrsError(
    'CQRS_SLOT_AHEAD',
    `The replication slot ${name} is not the relay's: it decodes ${slot.database} by ${slot.plugin}. If nothing needs it, run as a superuser: select pg_drop_replication_slot('${name}'). Then: ${remedy(service)}`,
  );
}

function otherDatabase({ record, systemIdentifier, service }: SlotFacts) {
  if (record === null || record.systemIdentifier === systemIdentifier) return undefined;
  return new CqrsError(
    'CQRS_SLOT_AHEAD',
    `The relay's record is of another Postgres (${record.systemIdentifier}; this one is ${systemIdentifier}), so positions in its WAL mean nothing here. ${remedy(service)}`,
  );
}

/** While an event table is in no publication its events are left out of the stream, and nothing says so there. */
function publicationLost({ record, publicationEntry, service }: SlotFacts) {
  if (record === null) return undefined;
  if (publicationEntry === null) {
    return new CqrsError(
      'CQRS_PUBLICATION_LOST',
      `The publication of cqrs.event was dropped. Make it again, as the owner of the table: create publication cqrs for table cqrs.event with (publish = 'insert'). Then: ${remedy(service)}`,
    );
  }
  if (record.publicationEntry === null || record.publicationEntry === publicationEntry) {
    return undefined;
  }
  return new CqrsError(
    'CQRS_PUBLICATION_LOST',
    `The publication of cqrs.event was dropped and made again; events of the time between are missing in the stream. ${remedy(service)}`,
  );
}

function slotLost({ record, slot, name, service }: SlotFacts) {
  if (record === null || (slot !== null && !slot.lost)) return undefined;
  const what = slot === null ? 'does not exist any more' : 'has lost WAL that it needs';
  return new CqrsError(
    'CQRS_SLOT_LOST',
    `The replication slot ${name} ${what}; events after ${formatLsn(record.lsn)} may never have been published. ${remedy(service)}`,
  );
}

/**
 * A standby that was promoted may lack the last commits of the old primary. Unless the relay was held back to what the
 * standby had, it may have published them, and this Postgres gives their positions and versions to other events.
 */
function timelineUngated({ record, timeline, service }: SlotFacts) {
  if (record === null || !hasFailedOver(record, timeline) || record.gated === true)
    return undefined;
  return new CqrsError(
    'CQRS_TIMELINE_CHANGED',
    `This Postgres was promoted or restored (timeline ${record.timeline} before, ${timeline} now) and synchronized_standby_slots was not set before, so Kafka may hold events that this Postgres never had. ${remedy(service)} Views that show more than cqrs.aggregate holds are to be rebuilt.`,
  );
}

function hasFailedOver(record: PositionRecord, timeline: number): boolean {
  return record.timeline !== null && record.timeline !== timeline;
}

/**
 * The slot of a promoted standby may be a little ahead of the record: it was copied over another connection than the
 * row. The old primary's relay moved it, after Kafka's acknowledgement, so that is no loss.
 */
function slotAhead({ record, slot, name, timeline, service }: SlotFacts) {
  if (record === null || slot === null || slot.confirmed <= record.lsn) return undefined;
  if (slot.synced && hasFailedOver(record, timeline)) return undefined;
  return new CqrsError(
    'CQRS_SLOT_AHEAD',
    `The replication slot ${name} is at ${formatLsn(slot.confirmed)}, ahead of what Kafka has acknowledged (${formatLsn(record.lsn)}); the events between would be lost. ${remedy(service)}`,
  );
}

function remedy(service: ServiceIdentity): string {
  return `${republish(service)} Readers drop what they know by its version.`;
}
