import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeServerMessage, encodeStatus } from './pgoutput.ts';

/** Captured from PostgreSQL 15.18: one insert into cqrs.event, as its walsender sent it. */
const captured = {
  keepalive: '6b000000000193a9c8000303eba28511dc00',
  begin:
    '77000000000193aa08000000000193aa08000303eba285336642000000000193ac08000303eba2851c64000002db',
  relation:
    '7700000000000000000000000000000000000303eba2853411520000401663717273006576656e74006400080169640000000b86ffffffff00616767726567617465747970650000000019ffffffff0061676772656761746569640000000019ffffffff00747970650000000019ffffffff007061796c6f61640000000edaffffffff0076657273696f6e0000000014ffffffff007472616365706172656e740000000019ffffffff0074696d657374616d7000000004a0ffffffff',
  insert:
    '77000000000193aa08000000000193aa08000303eba285347149000040164e0008740000002430313839306135642d616339362d373734622d626363652d62333032303939613830353774000000056f7264657274000000026f31740000000d6f726465722e6372656174656474000000237b2264617461223a207b7d2c20227374617465223a207b226964223a20226f31227d7d7400000001316e740000001a323032362d30312d30322030333a30343a30352e3637382b3030',
  commit:
    '77000000000193ac38000000000193ac38000303eba285347b4300000000000193ac08000000000193ac38000303eba2851c64',
} as const;

const bytesOf = (name: keyof typeof captured) => Buffer.from(captured[name], 'hex');
const oid = 16_406;

describe('decodeServerMessage', () => {
  it('reads what a real server sent', () => {
    expect(decodeServerMessage(bytesOf('keepalive'))).toEqual({
      kind: 'keepalive',
      walEnd: 0x193a9c8n,
      replyRequested: false,
    });
    expect(decodeServerMessage(bytesOf('begin'))).toEqual({ kind: 'begin', commitLsn: 0x193ac08n });
    expect(decodeServerMessage(bytesOf('relation'))).toEqual({
      kind: 'relation',
      oid,
      schema: 'cqrs',
      table: 'event',
      columns: 'id aggregatetype aggregateid type payload version traceparent timestamp'.split(' '),
    });
    expect(decodeServerMessage(bytesOf('commit'))).toEqual({
      kind: 'commit',
      commitLsn: 0x193ac08n,
      endLsn: 0x193ac38n,
    });
  });

  it('gives the values of an insert as text, null as null', () => {
    const message = decodeServerMessage(bytesOf('insert'));
    expect(message).toMatchObject({ kind: 'insert', oid });
    const values = message.kind === 'insert' ? message.values : [];
    expect(values.map((value) => value?.toString('utf8') ?? null)).toEqual([
      '01890a5d-ac96-774b-bcce-b302099a8057',
      'order',
      'o1',
      'order.created',
      '{"data": {}, "state": {"id": "o1"}}',
      '1',
      null,
      '2026-01-02 03:04:05.678+00',
    ]);
  });

  it('sees that a reply is asked for, and passes over messages that it has no use for', () => {
    const asking = Buffer.from(`${captured.keepalive.slice(0, -2)}01`, 'hex');
    expect(decodeServerMessage(asking)).toMatchObject({ replyRequested: true });
    const truncation = Buffer.from(`77${'00'.repeat(24)}54000000`, 'hex');
    expect(decodeServerMessage(truncation)).toEqual({ kind: 'other', tag: 'T' });
  });

  it.each([
    ['nothing', ''],
    ['another tag', `78${'00'.repeat(17)}`],
    ['an update in an insert', `77${'00'.repeat(24)}49000040164b0000`],
    ['an unchanged value', `77${'00'.repeat(24)}49000040164e000175`],
    ['a negative length', `77${'00'.repeat(24)}49000040164e000174ffffffff`],
  ])('refuses %s', (_, hex) => {
    expect(() => decodeServerMessage(Buffer.from(hex, 'hex'))).toThrow(
      expect.objectContaining({ code: 'CQRS_PGOUTPUT_MALFORMED' }),
    );
  });

  it('refuses every message that is cut short, and never reads past its end', () => {
    for (const name of ['begin', 'relation', 'insert', 'commit', 'keepalive'] as const) {
      const bytes = bytesOf(name);
      // A commit is followed by a time that we do not read, and a begin by a time and an xid.
      const needed = bytes.length - ({ begin: 12, commit: 8 }[name as string] ?? 0);
      fc.assert(
        fc.property(fc.integer({ min: 0, max: needed - 1 }), (length) => {
          expect(() => decodeServerMessage(bytes.subarray(0, length))).toThrow(
            expect.objectContaining({ code: 'CQRS_PGOUTPUT_MALFORMED' }),
          );
        }),
      );
    }
  });
});

it('writes a status update', () => {
  const status = encodeStatus({
    written: 0x193ac38n,
    flushed: 0x193ac08n,
    sentAtMs: Date.UTC(2000, 0, 1, 0, 0, 1),
    replyRequested: true,
  });
  expect(status.toString('hex')).toBe(
    '72000000000193ac38000000000193ac08000000000193ac0800000000000f424001',
  );
});
