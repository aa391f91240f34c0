import { headerNames } from '@cqrs/contract/envelope.ts';
import { describe, expect, it } from 'vitest';
import { columnPositions, createRecordMaker, eventColumns, ownPositions } from './event-record.ts';
import type { Relation } from './pgoutput.ts';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const event: Readonly<Record<(typeof eventColumns)[number], string | null>> = {
  id: '01890a5d-ac96-774b-bcce-b302099a8057',
  aggregatetype: 'order',
  aggregateid: 'o1',
  type: 'order.created',
  payload: '{"data": {}, "state": {"id": "o1"}}',
  version: '3',
  traceparent,
  timestamp: '2026-01-02 03:04:05.678901+00',
};
const tuple = (change: Partial<typeof event> = {}) =>
  Object.values({ ...event, ...change }).map((text) => (text === null ? null : Buffer.from(text)));
const topics = new Map([['order', 'shop.orders.order']]);
const nowMs = Date.parse('2026-06-01T00:00:00Z');
const toRecord = createRecordMaker({ namespace: 'shop', name: 'orders' }, topics, () => nowMs);
const place = { commitLsn: 2n ** 60n + 1n, index: 7 };

describe('an event as a record', () => {
  it('has the key, the payload as it is, and CloudEvents headers', () => {
    const { headers, ...record } = toRecord(tuple(), ownPositions, place);
    expect(record).toMatchObject({
      topic: 'shop.orders.order',
      key: Buffer.from('o1'),
      value: Buffer.from('{"data": {}, "state": {"id": "o1"}}'),
      timestampMs: Date.parse('2026-01-02T03:04:05.678Z'),
    });
    const text = Object.entries(headers).map(([name, value]) => [name, String(value)]);
    expect(Object.fromEntries(text)).toEqual({
      ce_specversion: '1.0',
      ce_id: '01890a5d-ac96-774b-bcce-b302099a8057',
      ce_source: '/shop/orders',
      ce_type: 'order.created',
      ce_subject: 'o1',
      ce_time: '2026-01-02T03:04:05.678901Z',
      ce_partitionkey: 'o1',
      ce_sequence: '3',
      ce_pglsn: '1152921504606846977',
      ce_pgidx: '7',
      'content-type': 'application/json',
      traceparent,
    });
    expect(Object.keys(headers).toSorted()).toEqual(Object.values(headerNames).toSorted());
  });

  it('leaves the trace out when there is none', () => {
    const { headers } = toRecord(tuple({ traceparent: null }), ownPositions, place);
    expect(headers).not.toHaveProperty(headerNames.traceparent);
  });

  it('never gives brokers a time of the future, which they refuse', () => {
    const timestamp = '2026-06-01 01:00:00+00';
    const record = toRecord(tuple({ timestamp }), ownPositions, place);
    expect(record.timestampMs).toBe(nowMs);
    expect(String(record.headers[headerNames.time])).toBe('2026-06-01T01:00:00Z');
  });

  it.each([
    ['CQRS_AGGREGATE_UNDECLARED', { aggregatetype: 'ghost' }, '"ghost"'],
    ['CQRS_EVENT_MALFORMED', { payload: null }, 'no payload'],
    ['CQRS_EVENT_MALFORMED', { timestamp: 'infinity' }, `event ${event.id} has the timestamp "inf`],
    ['CQRS_EVENT_MALFORMED', { timestamp: 'infinity' }, 'node services/relay/src/republish.ts'],
    ['CQRS_EVENT_MALFORMED', { timestamp: '2026-01-02 03:04:05+01' }, '+01'],
  ])('%s for %j', (code, change, says) => {
    expect(() => toRecord(tuple(change), ownPositions, place)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(says) }),
    );
  });
});

describe('columnPositions', () => {
  const relation: Relation = {
    kind: 'relation',
    oid: 1,
    schema: 'cqrs',
    table: 'event',
    columns: ['added', ...eventColumns.toReversed()],
  };
  it('finds the columns wherever they are', () => {
    expect(columnPositions(relation)).toMatchObject({ timestamp: 1, id: 8 });
  });
  it('passes over other tables', () => {
    expect(columnPositions({ ...relation, table: 'other' })).toBeUndefined();
    expect(columnPositions({ ...relation, schema: 'public' })).toBeUndefined();
  });
  it('names the column that is missing', () => {
    expect(() => columnPositions({ ...relation, columns: eventColumns.slice(0, 5) })).toThrow(
      /version, traceparent, timestamp/,
    );
  });
});
