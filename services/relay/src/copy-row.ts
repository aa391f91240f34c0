import type { Tuple } from './pgoutput.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';

/**
 * One CopyData of `COPY … TO STDOUT (FORMAT binary)` (PostgreSQL documentation: COPY, "Binary Format"). The server sends
 * one row in each; the header stands before the first row, and a count of -1 ends the copy.
 *
 *   CopyData = Header? (Row | Trailer)
 *   Header   = "PGCOPY\n\377\r\n\0" flags:int32 extensionLength:int32 extension
 *   Row      = count:int16 Value*count
 *   Value    = length:int32 bytes          (a length of -1 is null)
 *   Trailer  = -1:int16
 */
const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const flagsBytes = 4;

/** The row of a CopyData, its values as views; undefined when it holds none. Throws CQRS_PGOUTPUT_MALFORMED. */
export function parseCopyRow(bytes: Buffer): Tuple | undefined {
  try {
    return parseRow(bytes, headerBytes(bytes));
  } catch (cause) {
    throw new CqrsError(
      'CQRS_PGOUTPUT_MALFORMED',
      `Postgres sent ${bytes.length} bytes that are no row of a binary copy.`,
      cause,
    );
  }
}

function headerBytes(bytes: Buffer): number {
  if (!bytes.subarray(0, signature.length).equals(signature)) return 0;
  const extensionLengthAt = signature.length + flagsBytes;
  return extensionLengthAt + 4 + bytes.readInt32BE(extensionLengthAt);
}

function parseRow(bytes: Buffer, start: number): Tuple | undefined {
  if (start === bytes.length) return undefined;
  const count = bytes.readInt16BE(start);
  if (count === -1) return undefined;
  let at = start + 2;
  return Array.from({ length: count }, () => {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length === -1) return null;
    if (at + length > bytes.length) throw new RangeError(`a value of ${length} bytes is cut off`);
    at += length;
    return bytes.subarray(at - length, at);
  });
}
