import type { ServerResponse } from 'node:http';

/** Answers that clients have not taken yet, over all connections. */
const unreadBytesMax = 32 * 1_048_576;
/** An answer that has not moved between two looks, which are this far apart, is cut off: after 30 s at most. */
const stalledMs = 15_000;

/** Bounds what clients make this process keep by asking for more than they read. */
export class UnreadAnswers {
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Alone, an answer may be as large as it is. */
  hasRoomFor(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= unreadBytesMax;
  }

  /** To be called when an answer was handed over whole; what the network has taken at once costs no more than a look. */
  sent(raw: ServerResponse, bytes: number): void {
    const { socket } = raw;
    if (socket === null || socket.writableLength === 0 || raw.closed) return;
    this.#bytes += bytes;
    // Node takes parts of an answer that move for signs of life.
    socket.setTimeout(stalledMs);
    raw.once('close', () => {
      this.#bytes -= bytes;
      socket.setTimeout(0);
    });
  }
}
