import { isDeepStrictEqual } from 'node:util';
import { headerNames } from '@cqrs/contract/envelope.ts';
import type { TopicRecord } from '../support/kafka.ts';
import type { StoredEvent } from './check-write-store.ts';
import { firstDifference, type Difference } from './difference.ts';

export type Topic = {
  readonly topic: string;
  /** Each partition's in its order. */
  readonly records: readonly TopicRecord[];
  /** What Postgres holds, read after the topic was. */
  readonly events: readonly StoredEvent[];
  /** Whether every event must have arrived by now. */
  readonly complete: boolean;
};

const checks = [everyRecordIsAnEvent, orderedPerKey, everyEventArrived];

const placeOf = (key: string, version: number): string => `${version} ${key}`;
const versionOf = ({ headers }: TopicRecord): number => Number(headers[headerNames.sequence]);

/** Whether a topic holds the events of Postgres, in order per key once repetitions are dropped, and nothing else. */
export function topicDifference(topic: Topic): Difference | null {
  return firstDifference(checks, topic);
}

function everyRecordIsAnEvent({ topic, records, events }: Topic): Difference | null {
  const eventAt = new Map(events.map((event) => [placeOf(event.key, event.version), event]));
  for (const record of records) {
    const event = eventAt.get(placeOf(record.key, versionOf(record)));
    const key = `${topic} ${record.key} version ${versionOf(record)}`;
    const seen = {
      id: record.headers[headerNames.id],
      type: record.headers[headerNames.type],
      value: record.value,
    };
    if (event === undefined) {
      const what = 'Kafka holds nothing beyond what Postgres has';
      return { what, key, expected: 'an event of Postgres', seen };
    }
    const expected = { id: event.id, type: event.type, value: event.payload };
    if (!isDeepStrictEqual(seen, expected)) {
      return { what: 'A record says what its event says', key, expected, seen };
    }
  }
  return null;
}

function orderedPerKey({ topic, records }: Topic): Difference | null {
  const known = new Map<string, { version: number; partition: number }>();
  for (const record of records) {
    const { key, partition } = record;
    const last = known.get(key) ?? { version: 0, partition };
    const version = versionOf(record);
    if (partition !== last.partition) {
      const what = 'A key stays in its partition';
      return { what, key: `${topic} ${key}`, expected: last.partition, seen: partition };
    }
    if (version > last.version + 1) {
      const what = 'The events of a key are in Kafka in their order';
      return { what, key: `${topic} ${key}`, expected: last.version + 1, seen: version };
    }
    known.set(key, { version: Math.max(version, last.version), partition });
  }
  return null;
}

function everyEventArrived({ topic, records, events, complete }: Topic): Difference | null {
  if (!complete) return null;
  const arrived = new Set(records.map((record) => placeOf(record.key, versionOf(record))));
  for (const { key, version } of events) {
    if (arrived.has(placeOf(key, version))) continue;
    const what = 'Every committed event is in Kafka';
    return { what, key: `${topic} ${key}`, expected: `version ${version}`, seen: 'no such record' };
  }
  return null;
}
