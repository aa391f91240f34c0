import type { ServiceIdentity } from '@cqrs/contract/config.ts';
import { headerNames } from '@cqrs/contract/envelope.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { postgresNames } from '@cqrs/contract/postgres-names.ts';
import type { Lsn } from './lsn.ts';
import type { Relation, Tuple } from './pgoutput.ts';
import { republish } from './republish-command.ts';

/** One Kafka record, ready to send. */
export type EventRecord = {
  readonly topic: string;
  readonly key: Buffer;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string | Buffer>>;
  readonly timestampMs: number;
  /** What it takes in a produce request, about. */
  readonly bytes: number;
};

/** Where an event stood in the WAL. Events that were committed before the slot existed have the LSN 0. */
export type Place = { readonly commitLsn: Lsn; readonly index: number };

export const eventColumns = [
  'id',
  'aggregatetype',
  'aggregateid',
  'type',
  'payload',
  'version',
  'traceparent',
  'timestamp',
] as const;
type EventColumn = (typeof eventColumns)[number];

/** At which position of a tuple each column stands. */
export type ColumnPositions = Readonly<Record<EventColumn, number>>;

/** The positions in the order of `eventColumns`. */
export const ownPositions = positionsIn(eventColumns);

/** The event table's columns in a relation; undefined when the relation is another table. */
export function columnPositions(relation: Relation): ColumnPositions | undefined {
  const isEvents = relation.schema === postgresNames.schema && relation.table === 'event';
  return isEvents ? positionsIn(relation.columns) : undefined;
}

function positionsIn(columns: readonly string[]): ColumnPositions {
  const positions = eventColumns.map((column) => [column, columns.indexOf(column)] as const);
  const missing = positions.filter(([, position]) => position === -1).map(([column]) => column);
  if (missing.length > 0) {
    throw new CqrsError(
      'CQRS_EVENT_MALFORMED',
      `The table ${postgresNames.schema}.event has no column ${missing.join(', ')}; add what the outbox's documentation lists.`,
    );
  }
  return Object.fromEntries(positions) as Record<EventColumn, number>;
}

const contentType = Buffer.from('application/json');
const specversion = Buffer.from('1.0');
/** Names and lengths of headers, and what frames a record. */
const framingBytes = 256;

/** Makes records of one service's events: the payload goes through as the bytes that Postgres sent. */
export function createRecordMaker(
  service: ServiceIdentity,
  topicOf: ReadonlyMap<string, string>,
  nowMs: () => number,
): (values: Tuple, positions: ColumnPositions, place: Place) => EventRecord {
  const source = Buffer.from(`/${service.namespace}/${service.name}`);
  return (values, positions, { commitLsn, index }) => {
    const required = (column: EventColumn): Buffer =>
      values[positions[column]] ?? raise(service, values[positions.id], `no ${column}`);
    const aggregate = required('aggregatetype').toString('utf8');
    const topic = topicOf.get(aggregate) ?? raiseUndeclared(service, aggregate, topicOf);
    const key = required('aggregateid');
    const value = required('payload');
    const timestampText = required('timestamp').toString('latin1');
    const time =
      rfc3339(timestampText) ??
      raise(service, values[positions.id], `the timestamp "${timestampText}"`);
    const traceparent = values[positions.traceparent] ?? null;
    return {
      topic,
      key,
      value,
      // Brokers refuse records of the future; the event's own time is in its header.
      timestampMs: Math.min(Date.parse(time), nowMs()),
      bytes: value.length + 3 * key.length + framingBytes,
      headers: {
        [headerNames.specversion]: specversion,
        [headerNames.id]: required('id'),
        [headerNames.source]: source,
        [headerNames.type]: required('type'),
        [headerNames.subject]: key,
        [headerNames.time]: time,
        [headerNames.partitionkey]: key,
        [headerNames.sequence]: required('version'),
        [headerNames.lsn]: String(commitLsn),
        [headerNames.index]: String(index),
        [headerNames.contentType]: contentType,
        ...(traceparent === null ? {} : { [headerNames.traceparent]: traceparent }),
      },
    };
  };
}

const timestamp = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)\+00$/;

/** Postgres's ISO text of a timestamptz in UTC, as RFC 3339 with its microseconds; undefined when that cannot be. */
function rfc3339(text: string): string | undefined {
  const [, date, clock] = timestamp.exec(text) ?? [];
  return date === undefined || clock === undefined ? undefined : `${date}T${clock}Z`;
}

function raise(service: ServiceIdentity, id: Buffer | null | undefined, what: string): never {
  throw new CqrsError(
    'CQRS_EVENT_MALFORMED',
    `The event ${id?.toString('latin1') ?? 'without an id'} has ${what} and cannot be published, nor can what was committed after it. Correct whatever wrote it, then the row in ${postgresNames.schema}.event (update it, or delete it and take its version again). Then: ${republish(service)}`,
  );
}

function raiseUndeclared(
  service: ServiceIdentity,
  aggregate: string,
  topicOf: ReadonlyMap<string, string>,
): never {
  throw new CqrsError(
    'CQRS_AGGREGATE_UNDECLARED',
    `An event of the aggregate "${aggregate}" waits to be published, and the service declares only ${[...topicOf.keys()].join(', ')}. Declare it again in spec.aggregates; it may go once its events are published. Or leave its events out for good: ${republish(service)}`,
  );
}
