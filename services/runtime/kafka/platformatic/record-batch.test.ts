import { zstdCompressSync } from 'node:zlib';
import { crc32c, createRecordsBatch, type MessageRecord } from '@platformatic/kafka';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRecordSet } from './record-batch.ts';

type Written = {
  readonly key: string | null;
  readonly value: string | null;
  readonly timestampMs: number;
  readonly headers: readonly (readonly [string, string])[];
};

const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
type Compression = (typeof compressions)[number];

/** The client's own writer, which the broker's tests hold to the format, with the batch's first offset put in. */
function batchOf(
  records: readonly Written[],
  firstOffset: bigint,
  compression: Compression = 'none',
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
      fc.constantFrom(...compressions),
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

test('takes nothing from a batch of which a byte was changed', () => {
  fc.assert(
    fc.property(
      fc.array(written, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(...compressions),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (records, compression, place, bits) => {
        const batch = batchOf(records, 3n, compression);
        const at = crcAt + (place % (batch.length - crcAt));
        batch.writeUInt8(batch.readUInt8(at) ^ bits, at);
        expect(() => readRecordSet(batch, 0n, [])).toThrow(/checksum/);
      },
    ),
  );
});

test('takes nothing from records whose lengths lie, though the checksum is right', () => {
  fc.assert(
    fc.property(
      fc.array(written, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: -5, max: 5 }).filter((more) => more !== 0),
      fc.integer({ min: 1, max: 20 }),
      (records, more, cut) => {
        const whole = batchOf(records, 0n);
        const miscounted = Buffer.from(whole);
        miscounted.writeInt32BE(records.length + more, recordCountAt);
        expect(() => readRecordSet(sealed(miscounted), 0n, [])).toThrow(TypeError);
        const short = sealed(whole.subarray(0, Math.max(recordsAt, whole.length - cut)));
        expect(() => readRecordSet(short, 0n, [])).toThrow(TypeError);
      },
    ),
  );
});

test('takes nothing from a batch whose second zstd frame is not read', () => {
  const records = batchOf([record('a'), record('b')], 0n).subarray(recordsAt);
  const half = records.length / 2;
  const frames = [records.subarray(0, half), records.subarray(half)];
  const batch = withRecords(2, Buffer.concat(frames.map((frame) => zstdCompressSync(frame))), zstd);
  expect(() => readRecordSet(batch, 0n, [])).toThrow(/does not lie within/);
});

test('gives the time that the broker has set, when it says so', () => {
  const batch = batchOf([record('a'), { ...record('b'), timestampMs: 9 }], 0n);
  batch.writeInt16BE(logAppendTime, attributesAt);
  batch.writeBigInt64BE(77n, maxTimestampAt);
  const { records } = readRecordSet(sealed(batch), 0n, []);
  expect(records.map(({ timestampMs }) => timestampMs)).toEqual([77, 77]);
});

test('leaves what is more than its share, decompressed, for the next fetch', () => {
  const value = 'x'.repeat(5 * 1024 * 1024);
  const bytes = Buffer.concat([0n, 1n, 2n].map((at) => batchOf([record(value)], at, 'gzip')));
  const { records, nextOffset, bytes: size } = readRecordSet(bytes, 0n, []);
  expect([records.length, nextOffset]).toEqual([2, 2n]);
  expect(size).toBeGreaterThan(2 * value.length);
});

test('refuses bytes in which no batch ends, and a batch that ends before it begins', () => {
  const endless = batchOf([record('a')], 0n);
  endless.writeInt32BE(2 ** 30, lengthAt);
  expect(() => readRecordSet(endless, 0n, [])).toThrow(/no end/);
  endless.writeInt32BE(-12, lengthAt);
  expect(() => readRecordSet(endless, 0n, [])).toThrow(/ends before/);
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

const crcAt = 17;
const attributesAt = 21;
const maxTimestampAt = 35;
const producerIdAt = 43;
const transactional = 0b1_0000;
const control = 0b10_0000;

const lengthAt = 8;
const recordCountAt = 57;
const recordsAt = 61;
const logAppendTime = 0b1000;
const zstd = 4;

/** The batch with its length and its checksum put right. */
function sealed(batch: Buffer): Buffer {
  batch.writeInt32BE(batch.length - lengthAt - 4, lengthAt);
  batch.writeUInt32BE(crc32c(batch.subarray(attributesAt)), crcAt);
  return batch;
}

function withRecords(count: number, records: Buffer, attributes: number): Buffer {
  const header = Buffer.from(batchOf([record('a')], 0n).subarray(0, recordsAt));
  header.writeInt16BE(attributes, attributesAt);
  header.writeInt32BE(count - 1, attributesAt + 2);
  header.writeInt32BE(count, recordCountAt);
  return sealed(Buffer.concat([header, records]));
}

/** The same batch as a part of a producer's transaction, or as the marker that ends it. */
function inTransaction(batch: Buffer, producerId: bigint, flags: number): Buffer {
  const changed = Buffer.from(batch);
  changed.writeInt16BE(flags, attributesAt);
  changed.writeBigInt64BE(producerId, producerIdAt);
  return sealed(changed);
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

test('passes over a control batch that compaction has emptied', () => {
  const empty = withRecords(0, Buffer.alloc(0), transactional | control);
  const bytes = Buffer.concat([empty, batchOf([record('a')], 1n)]);
  expect(readRecordSet(bytes, 0n, []).records).toHaveLength(1);
});

test('refuses a format that it does not know', () => {
  const old = batchOf([record('a')], 0n);
  old.writeInt8(1, 16);
  expect(() => readRecordSet(old, 0n, [])).toThrow(/format 1/);
});
