import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { CqrsError } from './errors.ts';

/**
 * A consistency token says which aggregates its holder has written, and up to which version; a view that has applied
 * all of them shows those writes. It is opaque to clients:
 *
 *     base64url( format | mac | JSON )
 *     format  one byte, 1
 *     mac     16 bytes: HMAC-SHA256 (RFC 2104), cut to 128 bits, over format and JSON
 *     JSON    [[topic, …], [topic's place, id, version], …], oldest entry first
 *
 * It is signed because whoever may choose what a reader waits for could make every reader wait in vain.
 */
export type TokenEntry = {
  readonly topic: string;
  readonly id: string;
  /** Of the aggregate, from 1; a safe integer. */
  readonly version: number;
};

/** An older entry falls out of a token: see `signToken` for what is lost by that. */
export const entriesMax = 16;
/** Characters of one token. Sixteen entries with UUIDs of one topic take about 1,200. */
export const tokenCharactersMax = 4_096;
/** Tokens in one header: a client that writes to several services may hold one of each. */
export const tokensPerHeaderMax = 4;

/** A key object and not its bytes, which cost five times as much with each token. */
export type TokenKey = KeyObject;

const keyBytes = 32;
const format = 1;
const formatByte = Buffer.of(format);
const macBytes = 16;
const macEnd = 1 + macBytes;
const jsonBytesMax = Math.floor((tokenCharactersMax * 3) / 4) - macEnd;

export type ReadToken =
  | { readonly ok: true; readonly entries: readonly TokenEntry[] }
  | { readonly ok: false; readonly detail: string };

/**
 * The key of CQRS_TOKEN_KEY: 32 bytes in base64. Null when the variable is absent or empty: tokens are then not set up.
 * Throws CQRS_CONFIG_INVALID when it is something else.
 */
export function tokenKey(text: string | undefined): TokenKey | null {
  if (text === undefined || text === '') return null;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === keyBytes) return createSecretKey(bytes);
  throw new CqrsError(
    'CQRS_CONFIG_INVALID',
    `CQRS_TOKEN_KEY holds ${bytes.length} bytes; give ${keyBytes} random bytes in base64.`,
  );
}

/**
 * One token for entries that are given oldest first, as `mergeEntries` does. At the bounds (`entriesMax`,
 * `tokenCharactersMax`) the oldest fall out. A reader then no longer waits for those writes, which are the ones most
 * likely applied already, but nothing promises it: who must see more than 16 aggregates at once sends several tokens.
 */
export function signToken(key: TokenKey, entries: readonly TokenEntry[]): string {
  let kept = entries.slice(-entriesMax);
  let json = encode(kept);
  while (kept.length > 1 && json.length > jsonBytesMax) {
    kept = kept.slice(1);
    json = encode(kept);
  }
  return Buffer.concat([formatByte, mac(key, json), json]).toString('base64url');
}

/** Reads one token; `detail` is a sentence for the client. Never throws. */
export function readToken(key: TokenKey, text: string): ReadToken {
  if (text.length > tokenCharactersMax) {
    return refused(
      `has ${text.length} characters, and none that we give has over ${tokenCharactersMax}`,
    );
  }
  const bytes = Buffer.from(text, 'base64url');
  // Decoding passes over what is not base64url and over spare bits: one token would have many spellings.
  if (bytes.length <= macEnd || bytes.toString('base64url') !== text) {
    return refused('is cut off or is not a token');
  }
  if (bytes[0] !== format) return refused('is of a format that this service does not know');
  const json = bytes.subarray(macEnd);
  if (!timingSafeEqual(bytes.subarray(1, macEnd), mac(key, json))) {
    return refused('was changed or was signed with another key');
  }
  return { ok: true, entries: decode(json) };
}

/** Reads a `Consistency-Token` header: tokens with commas between them (RFC 9110, 5.6.1). Never throws. */
export function readTokens(key: TokenKey, header: string): ReadToken {
  const texts = header.split(',', tokensPerHeaderMax + 1).map((text) => text.trim());
  if (texts.length > tokensPerHeaderMax) {
    return { ok: false, detail: `A request carries at most ${tokensPerHeaderMax} tokens.` };
  }
  const lists: (readonly TokenEntry[])[] = [];
  for (const text of texts) {
    if (text === '') continue;
    const read = readToken(key, text);
    if (!read.ok) return read;
    lists.push(read.entries);
  }
  return { ok: true, entries: mergeEntries(...lists) };
}

/**
 * Every aggregate once, with the newest version that any list names, in the order in which those versions are named:
 * give older lists first. Unbounded; `signToken` keeps the bound.
 */
export function mergeEntries(...lists: readonly (readonly TokenEntry[])[]): readonly TokenEntry[] {
  const newest = new Map<string, TokenEntry>();
  for (const entry of lists.flat()) {
    const name = `${entry.topic} ${entry.id}`;
    const known = newest.get(name);
    if (known !== undefined && known.version >= entry.version) continue;
    newest.delete(name);
    newest.set(name, entry);
  }
  return [...newest.values()];
}

function refused(why: string): ReadToken {
  return {
    ok: false,
    detail: `The Consistency-Token ${why}. Send it as a command answered it, or leave it out.`,
  };
}

function mac(key: TokenKey, json: Buffer): Buffer {
  const whole = createHmac('sha256', key).update(formatByte).update(json).digest();
  return whole.subarray(0, macBytes);
}

type Encoded = readonly [readonly string[], ...(readonly [number, string, number])[]];

function encode(entries: readonly TokenEntry[]): Buffer {
  const topics = [...new Set(entries.map(({ topic }) => topic))];
  const encoded: Encoded = [
    topics,
    ...entries.map(({ topic, id, version }) => [topics.indexOf(topic), id, version] as const),
  ];
  return Buffer.from(JSON.stringify(encoded));
}

/** Behind a right signature stands what `encode` wrote. */
function decode(json: Buffer): readonly TokenEntry[] {
  const [topics, ...entries] = JSON.parse(json.toString()) as Encoded;
  return entries.map(([place, id, version]) => ({ topic: topics[place] ?? '', id, version }));
}
