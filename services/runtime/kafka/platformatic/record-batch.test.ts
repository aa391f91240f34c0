import { createRecordsBatch, type MessageRecord } from '@platformatic/kafka';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRecordSet } from './record-batch.ts';

type Written = {
  readonly key: string | null;
  readonly value: string | null;
  readonly timestampMs: number;
  readonly headers: readonly (readonly [string, string])[];
};

/** The client's own writer, which the broker's tests hold to the format, with the batch's first offset put in. */
function batchOf(
  records: readonly Written[],
  firstOffset: bigint,
  compression: 'none' | 'gzip' = 'none',
): Buffer {
  const messages = records.map(
    ({ key, value, timestampMs, headers }) =>
      ({
        topic: 't',
        partition: 0,
        timestamp: BigInt(timestampMs),
        headers: new Map(headers.map(([name, text]) => [Buffer.from(name), Buffer.from(text)])),
        ...(key === null ? {} : { key: Buffer.from(key) }),
        ...(value === null ? {} : { value: Buffer.from(value) }),
        // Its writer takes a record without value, a tombstone, though its type does not say so.
      }) as MessageRecord,
  );
  const { buffer } = createRecordsBatch(messages, { compression });
  buffer.writeBigInt64BE(firstOffset, 0);
  return buffer;
}

const text = fc.string({ unit: 'binary', maxLength: 200 });
const written: fc.Arbitrary<Written> = fc.record({
  key: fc.option(text),
  value: fc.option(text),
  // The writer's own limit, which record-publisher.ts knows.
  timestampMs: fc.nat({ max: 2 ** 31 - 1 }).map((ms) => ms + 2 ** 40),
  headers: fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z_]{1,20}$/), text), {
    selector: ([name]) => name,
    maxLength: 12,
  }),
});

test('reads what the writer wrote, from any offset on, compressed or not', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(written, { minLength: 1, maxLength: 20 }), { maxLength: 5 }),
      fc.nat({ max: 120 }),
      fc.constantFrom('none' as const, 'gzip' as const),
      (batches, from, compression) => {
        let offset = 7n;
        const all = batches.flat();
        const bytes = batches.map((batch) => {
          const buffer = batchOf(batch, offset, compression);
          offset += BigInt(batch.length);
          return buffer;
        });
        const { records, nextOffset } = readRecordSet(Buffer.concat(bytes), BigInt(from), []);
        const read = records.map((record) => ({
          offset: Number(record.offset),
          key: record.key?.toString() ?? null,
          value: record.value?.toString() ?? null,
          timestampMs: record.timestampMs,
          headers: Object.entries(record.headers()).map(([name, value]) => [name, String(value)]),
          found: Object.keys(record.headers()).map((name) => record.header(name)),
          missing: record.header('nobody-writes-this'),
        }));
        const expected = all
          .map((record, place) => ({
            ...record,
            offset: place + 7,
            found: record.headers.map(([, value]) => value),
            missing: undefined,
          }))
          .filter((record) => record.offset >= from);
        expect(read).toEqual(expected);
        expect(nextOffset).toBe(all.length === 0 || offset < from ? BigInt(from) : offset);
      },
    ),
  );
});

const record = (value: string): Written => ({ key: 'k', value, timestampMs: 5, headers: [] });

test('leaves a batch that was cut off for the next fetch', () => {
  const whole = batchOf([record('a'), record('b')], 0n);
  for (let cut = 1; cut < whole.length; cut += 1) {
    const { records, nextOffset } = readRecordSet(
      Buffer.concat([whole, whole.subarray(0, cut)]),
      0n,
      [],
    );
    expect([records.length, nextOffset]).toEqual([2, 2n]);
  }
});

const attributesAt = 21;
const producerIdAt = 43;
const transactional = 0b1_0000;
const control = 0b10_0000;

/** The same batch as a part of a producer's transaction, or as the marker that ends it. */
function inTransaction(batch: Buffer, producerId: bigint, flags: number): Buffer {
  const changed = Buffer.from(batch);
  changed.writeInt16BE(flags, attributesAt);
  changed.writeBigInt64BE(producerId, producerIdAt);
  return changed;
}

function marker(offset: bigint, type: number): Buffer {
  const bytes = createRecordsBatch([
    { topic: 't', timestamp: 5n, key: Buffer.from([0, 0, 0, type]), value: Buffer.alloc(6) },
  ]).buffer;
  bytes.writeBigInt64BE(offset, 0);
  return inTransaction(bytes, 9n, transactional | control);
}

test('passes over markers and what was aborted, of that producer and up to its marker', () => {
  const bytes = Buffer.concat([
    inTransaction(batchOf([record('committed')], 0n), 9n, transactional),
    marker(1n, 1),
    inTransaction(batchOf([record('aborted')], 2n), 9n, transactional),
    inTransaction(batchOf([record('of another')], 3n), 8n, transactional),
    batchOf([record('of nobody')], 4n),
    marker(5n, 0),
    inTransaction(batchOf([record('again')], 6n), 9n, transactional),
    marker(7n, 1),
  ]);
  const { records, nextOffset } = readRecordSet(bytes, 0n, [{ producerId: 9n, firstOffset: 2n }]);
  expect(records.map(({ value }) => String(value))).toEqual([
    'committed',
    'of another',
    'of nobody',
    'again',
  ]);
  expect(nextOffset).toBe(8n);
});

test('refuses a format that it does not know', () => {
  const old = batchOf([record('a')], 0n);
  old.writeInt8(1, 16);
  expect(() => readRecordSet(old, 0n, [])).toThrow(/format 1/);
});
