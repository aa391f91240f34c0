import type { Readable } from 'node:stream';
import { createSignal } from './signal.ts';

/**
 * The chunks of a stream, in the groups in which they arrive and with their borders kept (a paused stream would join
 * them). Not more than about `bytesMax` are read ahead of the one who iterates. Ends with the stream or when told to
 * stop, which leaves the stream as it is; throws the stream's error.
 */
export async function* arrivals(
  stream: Readable,
  bytesMax: number,
  stop: AbortSignal,
): AsyncGenerator<readonly Buffer[], void, void> {
  const news = createSignal();
  let arrived: Buffer[] = [];
  let bytes = 0;
  // What befell the stream before anybody listened is not told again.
  let ended = stream.closed;
  let failure = stream.errored ?? undefined;
  const end = (): void => {
    ended = true;
    news.notify();
  };
  stream
    .on('data', (chunk: Buffer) => {
      arrived.push(chunk);
      bytes += chunk.length;
      if (bytes >= bytesMax) stream.pause();
      news.notify();
    })
    .on('error', (error) => {
      failure = error;
      news.notify();
    })
    .on('end', end)
    .on('close', end);
  stop.addEventListener('abort', end, { once: true });
  while (!stop.aborted) {
    if (arrived.length > 0) {
      const group = arrived;
      arrived = [];
      bytes = 0;
      yield group;
      stream.resume();
    } else if (failure !== undefined) {
      throw failure;
    } else if (ended) {
      return;
    } else {
      await news.wait();
    }
  }
}
