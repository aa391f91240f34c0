import { compressionsAlgorithms } from '@platformatic/kafka';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { batchBytesMax, decompressed } from './decompressed.ts';

const algorithms = (['gzip', 'snappy', 'lz4', 'zstd'] as const).map(
  (name) => compressionsAlgorithms[name],
);

test.each(algorithms)('gives back what was compressed ($bitmask)', ({ bitmask, compressSync }) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 400 }), (bytes, times) => {
      const plain = Buffer.concat(Array.from({ length: times }, () => bytes));
      expect(decompressed(bitmask, compressSync(plain)).equals(plain)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test.each(algorithms)(
  'refuses what would be more than a process may hold ($bitmask)',
  ({ bitmask, compressSync }) => {
    // An LZ4 frame may be one of its blocks beyond the bound, which are 4 MiB at most.
    const bomb = compressSync(Buffer.alloc(batchBytesMax + 5 * 1024 * 1024));
    expect(() => decompressed(bitmask, bomb)).toThrow(RangeError);
  },
);

/** As snappy-java writes them: a header, and each block behind its length. */
function framed(blocks: readonly Buffer[]): Buffer {
  const header = Buffer.concat([
    Buffer.from([0x82]),
    Buffer.from('SNAPPY\0'),
    Buffer.from([0, 0, 0, 1, 0, 0, 0, 1]),
  ]);
  const sized = blocks.flatMap((block) => {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(block.length);
    return [size, block];
  });
  return Buffer.concat([header, ...sized]);
}

test('adds up the blocks of a snappy frame', () => {
  const { bitmask, compressSync } = compressionsAlgorithms.snappy;
  const some = [compressSync(Buffer.from('some ')), compressSync(Buffer.from('text'))];
  expect(String(decompressed(bitmask, framed(some)))).toBe('some text');
  const large = compressSync(Buffer.alloc(1024 * 1024));
  expect(() => decompressed(bitmask, framed(Array.from({ length: 65 }, () => large)))).toThrow(
    RangeError,
  );
});

test('refuses bytes of no algorithm, and an algorithm that nobody knows', () => {
  for (const { bitmask } of algorithms) {
    expect(() => decompressed(bitmask, Buffer.from('neither of these'))).toThrow(
      /header|unreachable|descriptor|more than/i,
    );
  }
  expect(() => decompressed(7, Buffer.alloc(0))).toThrow(/not known/);
});
