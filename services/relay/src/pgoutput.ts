/**
 * The streaming replication protocol and the logical decoding plugin pgoutput, version 1, as far as a publication of
 * inserts needs them (PostgreSQL documentation: "Streaming Replication Protocol", "Logical Replication Message Formats").
 * Pure: bytes in, messages out. Numbers are big-endian; `string` ends with a zero byte; an LSN is an int64.
 *
 *   CopyData  = XLogData | Keepalive                                           (from the server)
 *   XLogData  = 'w' walStart:lsn walEnd:lsn sentAt:int64 Message
 *   Keepalive = 'k' walEnd:lsn sentAt:int64 replyRequested:int8
 *   Message   = Begin | Commit | Relation | Insert | others, which we pass over
 *   Begin     = 'B' commitLsn:lsn committedAt:int64 xid:int32
 *   Commit    = 'C' flags:int8 commitLsn:lsn endLsn:lsn committedAt:int64
 *   Relation  = 'R' oid:int32 schema:string table:string replicaIdentity:int8 count:int16 Column*count
 *   Column    = flags:int8 name:string type:int32 modifier:int32
 *   Insert    = 'I' oid:int32 'N' Tuple
 *   Tuple     = count:int16 Value*count
 *   Value     = 'n' (null) | 'u' (unchanged and not sent) | ('t' | 'b') length:int32 bytes
 *   Status    = 'r' written:lsn flushed:lsn applied:lsn sentAt:int64 replyRequested:int8   (from us)
 *
 * Times count microseconds from 2000-01-01 UTC.
 */
import { CqrsError } from '@cqrs/contract/errors.ts';
import type { Lsn } from './lsn.ts';

export type Tuple = readonly (Buffer | null)[];

export type ServerMessage =
  | { readonly kind: 'keepalive'; readonly walEnd: Lsn; readonly replyRequested: boolean }
  | { readonly kind: 'begin'; readonly commitLsn: Lsn }
  | { readonly kind: 'commit'; readonly commitLsn: Lsn; readonly endLsn: Lsn }
  | Relation
  | { readonly kind: 'insert'; readonly oid: number; readonly values: Tuple }
  | { readonly kind: 'other'; readonly tag: string };

export type Relation = {
  readonly kind: 'relation';
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
};

const epochOfPostgresMs = 946_684_800_000;
const xLogDataHeaderBytes = 25;

/** Reads one CopyData payload. Values are views of `bytes`, not copies. Throws CQRS_PGOUTPUT_MALFORMED. */
export function decodeServerMessage(bytes: Buffer): ServerMessage {
  const reader = new Reader(bytes);
  const tag = reader.tag();
  if (tag === 'w') {
    reader.skip(xLogDataHeaderBytes - 1);
    return decodeLogicalMessage(reader);
  }
  if (tag !== 'k') throw malformed(`the message tag "${tag}"`);
  const walEnd = reader.lsn();
  reader.skip(8);
  return { kind: 'keepalive', walEnd, replyRequested: reader.int8() === 1 };
}

function decodeLogicalMessage(reader: Reader): ServerMessage {
  const tag = reader.tag();
  switch (tag) {
    case 'B':
      return { kind: 'begin', commitLsn: reader.lsn() };
    case 'C':
      reader.skip(1);
      return { kind: 'commit', commitLsn: reader.lsn(), endLsn: reader.lsn() };
    case 'R':
      return decodeRelation(reader);
    case 'I':
      return decodeInsert(reader);
    default:
      return { kind: 'other', tag };
  }
}

function decodeRelation(reader: Reader): Relation {
  const oid = reader.int32();
  const schema = reader.string();
  const table = reader.string();
  reader.skip(1);
  const columns = Array.from({ length: reader.int16() }, () => {
    reader.skip(1);
    const name = reader.string();
    reader.skip(8);
    return name;
  });
  return { kind: 'relation', oid, schema, table, columns };
}

function decodeInsert(reader: Reader): ServerMessage {
  const oid = reader.int32();
  const part = reader.tag();
  if (part !== 'N') throw malformed(`the part "${part}" in an insert`);
  const values = Array.from({ length: reader.int16() }, () => decodeValue(reader));
  return { kind: 'insert', oid, values };
}

function decodeValue(reader: Reader): Buffer | null {
  const tag = reader.tag();
  if (tag === 'n') return null;
  if (tag === 't' || tag === 'b') return reader.bytes(reader.int32());
  throw malformed(`the value "${tag}" in an insert, which must carry every column`);
}

export type Status = {
  readonly written: Lsn;
  /** Everything below may be forgotten by the server. */
  readonly flushed: Lsn;
  readonly sentAtMs: number;
  readonly replyRequested: boolean;
};

/** Writes the payload of a Standby status update. */
export function encodeStatus({ written, flushed, sentAtMs, replyRequested }: Status): Buffer {
  const bytes = Buffer.alloc(34);
  bytes.write('r', 0, 'latin1');
  bytes.writeBigUInt64BE(written, 1);
  bytes.writeBigUInt64BE(flushed, 9);
  bytes.writeBigUInt64BE(flushed, 17);
  bytes.writeBigInt64BE(BigInt(Math.trunc(sentAtMs - epochOfPostgresMs)) * 1000n, 25);
  bytes.writeInt8(replyRequested ? 1 : 0, 33);
  return bytes;
}

function malformed(what: string): CqrsError {
  return new CqrsError(
    'CQRS_PGOUTPUT_MALFORMED',
    `Postgres sent ${what}, which is not in the replication protocol that this relay speaks.`,
  );
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  tag(): string {
    return String.fromCharCode(this.#bytes[this.#take(1)] ?? 0);
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  lsn(): Lsn {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  string(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end === -1) throw malformed('a string without an end');
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  bytes(length: number): Buffer {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  skip(length: number): void {
    this.#take(length);
  }

  #take(length: number): number {
    const start = this.#at;
    if (length < 0 || start + length > this.#bytes.length) {
      throw malformed(`a message of ${this.#bytes.length} bytes that claims more`);
    }
    this.#at = start + length;
    return start;
  }
}
