/**
 * Reads a partition's records as the broker stores them: record batches of format 2 one after the other
 * (https://kafka.apache.org/documentation/#recordbatch). The client's own reader makes every key, value and header an
 * object of its own; most of a rebuild's time went there. This one notes where things are and cuts out what is asked for.
 */
import { crc32c } from '@platformatic/kafka';
import type { FetchedRecord } from '../port.ts';
import { BatchRecord, Varints } from './batch-record.ts';
import { decompressed } from './decompressed.ts';

/** A transaction that was aborted: its producer's records from `firstOffset` on, up to the marker, never happened. */
export type AbortedTransaction = { readonly producerId: bigint; readonly firstOffset: bigint };

type RecordSet = {
  readonly records: readonly FetchedRecord[];
  /** Where reading goes on: behind the last whole batch, though compaction may have taken its last records. */
  readonly nextOffset: bigint;
  /** What the records keep in memory: decompressed, if they were compressed. */
  readonly bytes: number;
};

/** Behind this much, decompressed, what else came of the partition is left for the next fetch. */
const recordSetBytesMax = 8 * 1024 * 1024;

/** Places in a batch's header, in bytes from its beginning. */
const lengthAt = 8;
const magicAt = 16;
const crcAt = 17;
const attributesAt = 21;
const lastOffsetDeltaAt = 23;
const firstTimestampAt = 27;
const maxTimestampAt = 35;
const producerIdAt = 43;
const recordCountAt = 57;
const recordsAt = 61;
/** The batch's length counts from behind the length itself. */
const beforeLengthEnds = 12;

const magicSupported = 2;
const compressionBits = 0b111;
/** The broker has put its own time in the place of the producer's, one for the whole batch. */
const logAppendTimeBit = 0b1000;
const transactionalBit = 0b1_0000;
const controlBit = 0b10_0000;
/** The type in the key of a control record that ends a transaction; 1 would be a commit. */
const abortMarker = 0;

type Batch = {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly recordCount: number;
  readonly attributes: number;
  readonly producerId: bigint;
};

/**
 * The records from `from` on that a reader may see; a last batch that was cut off is left for the next fetch. Throws when a
 * batch is not what its checksum and its lengths say: nothing of it may be taken for a record.
 */
export function readRecordSet(
  bytes: Buffer,
  from: bigint,
  aborted: readonly AbortedTransaction[],
): RecordSet {
  const records: FetchedRecord[] = [];
  const waiting = aborted.toSorted((one, other) => (one.firstOffset < other.firstOffset ? -1 : 1));
  const abortedProducers = new Set<bigint>();
  let nextOffset = from;
  let size = 0;
  for (const batch of wholeBatches(bytes)) {
    while (waiting[0] !== undefined && waiting[0].firstOffset <= batch.lastOffset) {
      abortedProducers.add(waiting[0].producerId);
      waiting.shift();
    }
    nextOffset = batch.lastOffset + 1n;
    if ((batch.attributes & controlBit) !== 0) {
      if (endsInAbort(batch)) abortedProducers.delete(batch.producerId);
      continue;
    }
    const transactional = (batch.attributes & transactionalBit) !== 0;
    if (transactional && abortedProducers.has(batch.producerId)) continue;
    size += readRecords(batch, from, records);
    if (size >= recordSetBytesMax) break;
  }
  return { records, nextOffset: nextOffset > from ? nextOffset : from, bytes: size };
}

function* wholeBatches(bytes: Buffer): Generator<Batch> {
  let start = 0;
  while (start + recordsAt <= bytes.length) {
    const end = start + beforeLengthEnds + bytes.readInt32BE(start + lengthAt);
    if (end < start + recordsAt) throw new TypeError('A record batch ends before its records.');
    if (end > bytes.length) break;
    const magic = bytes.readInt8(start + magicAt);
    if (magic !== magicSupported) {
      throw new TypeError(`A record batch has format ${magic}; only ${magicSupported} is known.`);
    }
    if (crc32c(bytes.subarray(start + attributesAt, end)) !== bytes.readUInt32BE(start + crcAt)) {
      throw new TypeError('A record batch is not the one that was written: its checksum differs.');
    }
    const baseOffset = bytes.readBigInt64BE(start);
    yield {
      bytes,
      start,
      end,
      baseOffset,
      lastOffset: baseOffset + BigInt(bytes.readInt32BE(start + lastOffsetDeltaAt)),
      recordCount: bytes.readInt32BE(start + recordCountAt),
      attributes: bytes.readInt16BE(start + attributesAt),
      producerId: bytes.readBigInt64BE(start + producerIdAt),
    };
    start = end;
  }
  // The broker gives a first batch whole, whatever its size.
  if (start === 0 && bytes.length > 0) throw new TypeError('A record batch has no end.');
}

/** Where the records lie: in the batch itself, or decompressed. */
function recordBytes({ bytes, start, end, attributes }: Batch): Varints {
  const compression = attributes & compressionBits;
  if (compression === 0) return new Varints(bytes, start + recordsAt, end);
  const plain = decompressed(compression, bytes.subarray(start + recordsAt, end));
  return new Varints(plain, 0, plain.length);
}

/** Answers how many bytes the batch's records are. */
function readRecords(batch: Batch, from: bigint, into: FetchedRecord[]): number {
  const { bytes, start, attributes, recordCount } = batch;
  const hasLogAppendTime = (attributes & logAppendTimeBit) !== 0;
  const base = {
    // Exact: an offset or a time beyond 2^53 would take a million records a second for centuries.
    offset: Number(batch.baseOffset),
    timestampMs: Number(
      bytes.readBigInt64BE(start + (hasLogAppendTime ? maxTimestampAt : firstTimestampAt)),
    ),
    hasLogAppendTime,
  };
  const first = Number(from);
  const varints = recordBytes(batch);
  const size = varints.end - varints.at;
  for (let index = 0; index < recordCount; index += 1) {
    const record = new BatchRecord(varints, base);
    if (record.offsetNumber >= first) into.push(record);
  }
  if (varints.at !== varints.end) {
    throw new TypeError(`A record batch has bytes behind its ${recordCount} records.`);
  }
  return size;
}

/** The key of a control record is its version and its type, two bytes each. Compaction leaves batches without any. */
function endsInAbort(batch: Batch): boolean {
  if (batch.recordCount === 0) return false;
  const { key } = new BatchRecord(recordBytes(batch), {
    offset: 0,
    timestampMs: 0,
    hasLogAppendTime: false,
  });
  return key !== null && key.length >= 4 && key.readInt16BE(2) === abortMarker;
}
