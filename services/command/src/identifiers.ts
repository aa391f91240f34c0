import { randomFillSync } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';

/** Randomness is drawn for many ids at once: each draw is a call into the kernel. */
const uuidBytes = 16;
const random = new Uint8Array(uuidBytes * 256);
let randomUsed = random.length;

/** A new UUIDv7 (RFC 9562): ids made later sort later, by the millisecond, so that indexes grow at one end. */
export function newId(): string {
  if (randomUsed === random.length) {
    randomFillSync(random);
    randomUsed = 0;
  }
  randomUsed += uuidBytes;
  return uuidv7({ random: random.subarray(randomUsed - uuidBytes, randomUsed) });
}

/** An id goes into URLs, Kafka keys and Redis keys as it is, so it holds only characters that need no escaping. */
const id = /^[A-Za-z0-9._~-]{1,128}$/;

/** The sentence of what is wrong with an aggregate's id, undefined when it is fine. */
export function idProblem(text: string): string | undefined {
  if (!id.test(text)) {
    return 'An id has 1 to 128 characters of A-Z, a-z, 0-9, ".", "_", "~" and "-".';
  }
  // Clients and proxies take these two for steps in a path, so nothing under them could be reached.
  return text === '.' || text === '..' ? 'An id cannot be "." or "..".' : undefined;
}
