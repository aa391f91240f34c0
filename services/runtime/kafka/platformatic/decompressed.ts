/**
 * What a compressed record batch holds, within a bound: a kilobyte can say that it is a gigabyte. zlib has a bound of its
 * own. The client's snappy and LZ4 have none, so what their formats say of the size is asked first.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { compressionsAlgorithms } from '@platformatic/kafka';

/** Far above what a broker takes in one batch by default (1 MiB, compressed), and far below what a process has. */
export const batchBytesMax = 64 * 1024 * 1024;

/** By the numbers in a batch's attributes. */
const algorithms: ReadonlyMap<number, (bytes: Buffer) => Buffer> = new Map([
  [1, (bytes) => gunzipSync(bytes, { maxOutputLength: batchBytesMax })],
  [2, (bytes) => bounded(bytes, snappyBytes(bytes), compressionsAlgorithms.snappy)],
  [3, (bytes) => bounded(bytes, lz4BytesMin(bytes), compressionsAlgorithms.lz4)],
  [4, (bytes) => zstdDecompressSync(bytes, { maxOutputLength: batchBytesMax })],
]);

/** Throws when nobody knows the algorithm, the bytes are not of it, or they hold more than `batchBytesMax`. */
export function decompressed(algorithm: number, bytes: Buffer): Buffer {
  const decompress = algorithms.get(algorithm);
  if (decompress === undefined) {
    throw new TypeError(`A record batch is compressed in a way (${algorithm}) that is not known.`);
  }
  return decompress(bytes);
}

type Decompressor = { readonly decompressSync: (bytes: Buffer) => Buffer };

function bounded(bytes: Buffer, size: number, { decompressSync }: Decompressor): Buffer {
  if (!(size <= batchBytesMax)) {
    throw new RangeError(`A record batch holds more than ${batchBytesMax} bytes, or does not say.`);
  }
  return decompressSync(bytes);
}

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeaderBytes = 16;

/** Java's clients put blocks in a frame (https://github.com/xerial/snappy-java), others write one block. */
function snappyBytes(bytes: Buffer): number {
  if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) return snappyBlockBytes(bytes, 0);
  let size = 0;
  for (let at = xerialHeaderBytes; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) {
    size += snappyBlockBytes(bytes, at + 4);
  }
  return size;
}

/** A block begins with its size (https://github.com/google/snappy/blob/main/format_description.txt). */
function snappyBlockBytes(bytes: Buffer, start: number): number {
  let size = 0;
  for (let place = 0; place < 5; place += 1) {
    const byte = bytes.readUInt8(start + place);
    size += (byte & 0x7f) * 128 ** place;
    if (byte < 0x80) return size;
  }
  return Infinity;
}

const lz4Magic = 0x184d2204;
const lz4BlockBytesMax = [64, 256, 1_024, 4_096].map((kibibytes) => kibibytes * 1024);

/**
 * A frame's blocks are full but for the last, so this is less than it holds by no more than one block
 * (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md).
 */
function lz4BytesMin(bytes: Buffer): number {
  const flags = bytes.readUInt8(4);
  const blockBytes = lz4BlockBytesMax[((bytes.readUInt8(5) >>> 4) & 0b111) - 4];
  if (bytes.readUInt32LE(0) !== lz4Magic || blockBytes === undefined) return NaN;
  const checksumBytes = (flags & 0b1_0000) === 0 ? 0 : 4;
  let at = 7 + ((flags & 0b1000) === 0 ? 0 : 8) + ((flags & 0b1) === 0 ? 0 : 4);
  let blocks = 0;
  for (let word = bytes.readUInt32LE(at); word !== 0; word = bytes.readUInt32LE(at)) {
    blocks += 1;
    at += 4 + (word & 0x7fff_ffff) + checksumBytes;
  }
  return Math.max(0, blocks - 1) * blockBytes;
}
