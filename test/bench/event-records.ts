import { randomUUID } from 'node:crypto';
import { eventType, headerNames } from '@cqrs/contract/envelope.ts';
import type { OutgoingRecord } from '@cqrs/runtime/kafka/port.ts';
import { orderAggregate, service } from './orders.ts';

const versionsPerTotal = 4;

/** An event as the relay publishes it: about 270 bytes of JSON, and as much again of headers. */
export function eventRecord(of: {
  readonly topic: string;
  readonly id: string;
  readonly version: number;
  readonly number: number;
}): OutgoingRecord {
  const { topic, id, version, number } = of;
  // An order changes its place in a list sorted by its total once, as most changes do not touch what lists sort by.
  const total = (number + Math.floor(version / versionsPerTotal)) % 500;
  const data = { customerId: `customer-${number % 1000}`, total, revision: version };
  const key = Buffer.from(id);
  const time = new Date().toISOString();
  const state = { id, ...data, note: 'left at the door', placedAt: time };
  return {
    topic,
    key,
    value: Buffer.from(JSON.stringify({ data, state })),
    timestampMs: Date.now(),
    headers: {
      [headerNames.specversion]: '1.0',
      [headerNames.id]: randomUUID(),
      [headerNames.source]: `/${service.namespace}/${service.name}`,
      [headerNames.type]: eventType(orderAggregate.name, version === 1 ? 'created' : 'updated'),
      [headerNames.subject]: key,
      [headerNames.time]: time,
      [headerNames.partitionkey]: key,
      [headerNames.sequence]: String(version),
      [headerNames.lsn]: String(1_000_000 + number),
      [headerNames.index]: '0',
      [headerNames.contentType]: 'application/json',
    },
  };
}
