const firstKeys = 16;
export const answerBytesMax = 1024 * 1024;

/**
 * How many keys are read next, 0 when the answer is full. Nothing tells how large documents are before they are read,
 * so a few come first, and the others in one go when documents like those have room. One always has.
 */
export function nextSlice(
  read: { readonly keys: number; readonly bytes: number },
  left: number,
): number {
  if (read.keys === 0) return Math.min(firstKeys, left);
  const room = answerBytesMax - read.bytes;
  if (room <= 0) return 0;
  const bytesEach = Math.max(1, read.bytes / read.keys);
  return Math.min(left, Math.max(1, Math.floor(room / bytesEach)));
}
