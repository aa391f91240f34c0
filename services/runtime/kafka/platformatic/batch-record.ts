import type { FetchedRecord } from '../port.ts';

/** What a batch's records count theirs from. */
type Base = {
  readonly offset: number;
  readonly timestampMs: number;
  readonly hasLogAppendTime: boolean;
};

const noEnd = -1;

/** One record: where its parts lie in the batch's bytes. */
export class BatchRecord implements FetchedRecord {
  readonly offsetNumber: number;
  readonly timestampMs: number;
  readonly #bytes: Buffer;
  readonly #keyStart: number;
  readonly #keyEnd: number;
  readonly #valueStart: number;
  readonly #valueEnd: number;
  readonly #headersStart: number;
  readonly #end: number;

  /** Reads one record and leaves `varints` behind it. Throws when its parts do not lie within it, or it in the batch. */
  constructor(varints: Varints, base: Base) {
    const length = varints.read();
    const end = varints.at + length;
    varints.at += 1;
    this.#bytes = varints.bytes;
    const timestampDelta = varints.read();
    this.timestampMs = base.timestampMs + (base.hasLogAppendTime ? 0 : timestampDelta);
    this.offsetNumber = base.offset + varints.read();
    const keyLength = varints.read();
    this.#keyStart = varints.at;
    this.#keyEnd = keyLength < 0 ? noEnd : (varints.at += keyLength);
    const valueLength = varints.read();
    this.#valueStart = varints.at;
    this.#valueEnd = valueLength < 0 ? noEnd : (varints.at += valueLength);
    this.#headersStart = varints.at;
    // At least the number of headers follows.
    if (!(varints.at < end && end <= varints.end)) {
      throw new TypeError('A record does not lie within its batch, or its parts not within it.');
    }
    this.#end = end;
    varints.at = end;
  }

  get offset(): string {
    return String(this.offsetNumber);
  }

  get key(): Buffer | null {
    return this.#keyEnd === noEnd ? null : this.#bytes.subarray(this.#keyStart, this.#keyEnd);
  }

  get value(): Buffer | null {
    return this.#valueEnd === noEnd ? null : this.#bytes.subarray(this.#valueStart, this.#valueEnd);
  }

  header(name: string): string | undefined {
    const wanted = nameBytes(name);
    const bytes = this.#bytes;
    const varints = new Varints(bytes, this.#headersStart, this.#end);
    let found: string | undefined;
    for (let left = varints.read(); left > 0 && varints.at < varints.end; left -= 1) {
      const nameLength = varints.readLength();
      const nameStart = varints.at;
      varints.at += nameLength;
      const valueLength = varints.readLength();
      const valueStart = varints.at;
      varints.at += valueLength;
      if (nameLength === wanted.length && hasBytes(bytes, nameStart, wanted)) {
        found = bytes.toString('utf8', valueStart, varints.at);
      }
    }
    return found;
  }

  headers(): Readonly<Record<string, Buffer>> {
    const bytes = this.#bytes;
    const varints = new Varints(bytes, this.#headersStart, this.#end);
    const found: [string, Buffer][] = [];
    for (let left = varints.read(); left > 0 && varints.at < varints.end; left -= 1) {
      const nameLength = varints.readLength();
      const name = bytes.toString('utf8', varints.at, (varints.at += nameLength));
      const valueLength = varints.readLength();
      found.push([name, bytes.subarray(varints.at, (varints.at += valueLength))]);
    }
    return Object.fromEntries(found);
  }
}

/** The few names that readers ask for, as bytes. */
const knownNames = new Map<string, Buffer>();

function nameBytes(name: string): Buffer {
  let bytes = knownNames.get(name);
  if (bytes === undefined) {
    bytes = Buffer.from(name);
    knownNames.set(name, bytes);
  }
  return bytes;
}

/** Compared from the end: names that share a prefix (ce_) differ there. */
function hasBytes(bytes: Buffer, start: number, wanted: Buffer): boolean {
  for (let at = wanted.length - 1; at >= 0; at -= 1) {
    if (bytes[start + at] !== wanted[at]) return false;
  }
  return true;
}

/** Kafka's variable-length numbers: seven bits a byte, the lowest first, zig-zag, so that -1 is one byte too. */
export class Varints {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** A length, 0 for what is null, and no more than there is. */
  readLength(): number {
    const length = this.read();
    return length > 0 ? Math.min(length, Math.max(0, this.end - this.at)) : 0;
  }

  /** Exact up to 2^52. */
  read(): number {
    const { bytes } = this;
    let byte = bytes[this.at++] ?? 0;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    let scale = 128;
    while (byte >= 0x80) {
      byte = bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
      scale *= 128;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
