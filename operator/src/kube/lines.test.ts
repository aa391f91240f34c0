import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitLines } from './lines.ts';

async function* inChunks(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
  places.sort((a, b) => a - b);
  for (const [position, from] of places.entries()) {
    yield bytes.subarray(from, places[position + 1] ?? bytes.length);
  }
}

const line = fc
  .string({ unit: 'grapheme', minLength: 1 })
  .filter((text) => !/\n/.test(text) && text.trim() !== '');

test('lines come out whole however the bytes were cut, even inside a character', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat()), async (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      expect(await Array.fromAsync(splitLines(inChunks(bytes, cuts), 10_000))).toEqual(lines);
    }),
  );
});

test('a line cut off by the end of the stream is dropped', async () => {
  const chunks = inChunks(Buffer.from('{"a":1}\n{"b":'), []);
  expect(await Array.fromAsync(splitLines(chunks, 100))).toEqual(['{"a":1}']);
});

test.each([
  ['in one chunk', []],
  ['over several chunks', [5, 15, 25]],
])('a line over the bound is an error, %s', async (_name, cuts) => {
  const chunks = inChunks(Buffer.from(`${'x'.repeat(30)}\n`), cuts);
  await expect(Array.fromAsync(splitLines(chunks, 20))).rejects.toMatchObject({
    code: 'KUBE_RESPONSE_TOO_LARGE',
  });
});
