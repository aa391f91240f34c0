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

/** Key objects and not their bytes, which cost five times as much with each token. */
export type TokenKeys = {
  readonly signing: KeyObject;
  /** The signing key first; behind it the one that was before, or that is to come, while keys are replaced. */
  readonly accepted: readonly KeyObject[];
};

const keyBytes = 32;
const format = 1;
const formatByte = Buffer.of(format);
const macBytes = 16;
const macEnd = 1 + macBytes;
const jsonBytesMax = Math.floor((tokenCharactersMax * 3) / 4) - macEnd;

export type ReadToken =
  | { readonly ok: true; readonly entries: readonly TokenEntry[] }
  | {
      readonly ok: false;
      /**
       * `malformed`: the client has sent no token. `unverified`: it may be one that was right, of a key or format that
       * is not known here; nothing of it is believed.
       */
      readonly why: 'malformed' | 'unverified';
      readonly detail: string;
      /** What the other tokens of the same header say. */
      readonly entries: readonly TokenEntry[];
    };

/** The variables of the environment with the keys: the one that signs, and a second one that is accepted beside it. */
export type TokenKeyEnv = {
  readonly CQRS_TOKEN_KEY?: string | undefined;
  readonly CQRS_TOKEN_KEY_PREVIOUS?: string | undefined;
};

/**
 * The keys of the environment, each 32 bytes in base64. Null when CQRS_TOKEN_KEY is absent or empty: tokens are then not
 * set up. Throws CQRS_CONFIG_INVALID when a variable holds something else.
 */
export function tokenKeys(env: TokenKeyEnv): TokenKeys | null {
  const signing = keyFrom(env, 'CQRS_TOKEN_KEY');
  if (signing === null) return null;
  const previous = keyFrom(env, 'CQRS_TOKEN_KEY_PREVIOUS');
  return { signing, accepted: previous === null ? [signing] : [signing, previous] };
}

/** What keeps a text from being a key, as the end of a sentence that names it; null when it is one. */
export function tokenKeyProblem(text: string): string | null {
  const { length } = Buffer.from(text, 'base64');
  if (length === keyBytes) return null;
  return `holds ${length} bytes of base64 and not ${keyBytes}`;
}

function keyFrom(env: TokenKeyEnv, name: keyof TokenKeyEnv): KeyObject | null {
  const text = env[name];
  if (text === undefined || text === '') return null;
  const wrong = tokenKeyProblem(text);
  if (wrong === null) return createSecretKey(Buffer.from(text, 'base64'));
  throw new CqrsError(
    'CQRS_CONFIG_INVALID',
    `${name} ${wrong}; give ${keyBytes} random bytes in base64.`,
  );
}

/**
 * One token for entries that are given oldest first, as `mergeEntries` does. At the bounds (`entriesMax`,
 * `tokenCharactersMax`) the oldest fall out. A reader then no longer waits for those writes, which are the ones most
 * likely applied already, but nothing promises it: who must see more than 16 aggregates at once sends several tokens.
 */
export function signToken(
  { signing }: Pick<TokenKeys, 'signing'>,
  entries: readonly TokenEntry[],
): string {
  let kept = entries.slice(-entriesMax);
  let json = encode(kept);
  while (kept.length > 1 && json.length > jsonBytesMax) {
    kept = kept.slice(1);
    json = encode(kept);
  }
  return Buffer.concat([formatByte, mac(signing, json), json]).toString('base64url');
}

/** Reads one token; `detail` is a sentence for the client. Never throws. */
export function readToken({ accepted }: Pick<TokenKeys, 'accepted'>, text: string): ReadToken {
  if (text.length > tokenCharactersMax) {
    return malformed(
      `has ${text.length} characters, and none that we give has over ${tokenCharactersMax}`,
    );
  }
  const bytes = Buffer.from(text, 'base64url');
  // Decoding passes over what is not base64url and over spare bits: one token would have many spellings.
  if (bytes.length <= macEnd || bytes.toString('base64url') !== text) {
    return malformed('is cut off or is not a token');
  }
  if (bytes[0] !== format) return unverified('is of a format that this service does not know');
  const json = bytes.subarray(macEnd);
  const given = bytes.subarray(1, macEnd);
  if (accepted.some((key) => timingSafeEqual(given, mac(key, json)))) {
    return { ok: true, entries: decode(json) };
  }
  return unverified('was signed with a key that is not in use any more, or was changed');
}

/**
 * Reads a `Consistency-Token` header: tokens with commas between them (RFC 9110, 5.6.1). One wrong token makes the whole
 * wrong, and the worst says how. Never throws.
 */
export function readTokens(keys: Pick<TokenKeys, 'accepted'>, header: string): ReadToken {
  const texts = header.split(',', tokensPerHeaderMax + 1).map((text) => text.trim());
  if (texts.length > tokensPerHeaderMax) {
    const detail = `A request carries at most ${tokensPerHeaderMax} tokens.`;
    return { ok: false, why: 'malformed', detail, entries: [] };
  }
  const reads = texts.filter((text) => text !== '').map((text) => readToken(keys, text));
  const entries = mergeEntries(...reads.map((read) => read.entries));
  const wrong = reads.filter((read) => !read.ok);
  const worst = wrong.find(({ why }) => why === 'malformed') ?? wrong[0];
  return worst === undefined ? { ok: true, entries } : { ...worst, entries };
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

function malformed(what: string): ReadToken {
  const detail = `The Consistency-Token ${what}. Send it as a command answered it, or leave it out.`;
  return { ok: false, why: 'malformed', detail, entries: [] };
}

function unverified(what: string): ReadToken {
  const detail = `The Consistency-Token ${what}. Drop the token: read without it, and go on with that of your next command.`;
  return { ok: false, why: 'unverified', detail, entries: [] };
}

function mac(key: KeyObject, json: Buffer): Buffer {
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
