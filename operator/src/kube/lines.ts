import { KubeError } from './errors.ts';

const newline = 0x0a;

/**
 * Splits a byte stream at newlines, as a watch delivers its events. Empty lines are skipped; a last line without a
 * newline is dropped, because it was cut by a closing connection. A line over `lineBytesMax` is an error.
 */
export async function* splitLines(
  chunks: AsyncIterable<Buffer>,
  lineBytesMax: number,
): AsyncGenerator<string> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      pending.push(chunk.subarray(from, end));
      if (pendingBytes + end - from > lineBytesMax) throw lineTooLong(lineBytesMax);
      const line = Buffer.concat(pending).toString('utf8');
      pending = [];
      pendingBytes = 0;
      from = end + 1;
      if (line.trim() !== '') yield line;
    }
    pending.push(chunk.subarray(from));
    pendingBytes += chunk.length - from;
    if (pendingBytes > lineBytesMax) throw lineTooLong(lineBytesMax);
  }
}

function lineTooLong(lineBytesMax: number): KubeError {
  return new KubeError('KUBE_RESPONSE_TOO_LARGE', `Watch line exceeds ${lineBytesMax} bytes`);
}
