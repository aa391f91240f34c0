import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const gzipInPool = promisify(gzip);

/** The higher levels take up to twice the time and spare one byte of a hundred. */
const level = 1;
/** One of the four threads that Node lends stays free for the names that other work looks up. */
const underWayMax = 3;

/** Compresses beside the event loop, so much at a time and no more: what finds no room is better sent as it is. */
export class Compressor {
  #underWay = 0;

  get hasRoom(): boolean {
    return this.#underWay < underWayMax;
  }

  async gzip(latin1: string): Promise<Buffer> {
    this.#underWay += 1;
    try {
      return await gzipInPool(Buffer.from(latin1, 'latin1'), { level });
    } finally {
      this.#underWay -= 1;
    }
  }
}
