import { createSecretKey } from 'node:crypto';
import {
  array,
  assert,
  constantFrom,
  integer,
  oneof,
  property,
  record,
  string,
  uuid,
} from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  entriesMax,
  mergeEntries,
  readToken,
  readTokens,
  signToken,
  tokenCharactersMax,
  tokenKey,
  tokensPerHeaderMax,
  type TokenEntry,
} from './consistency-token.ts';

const key = createSecretKey(Buffer.alloc(32, 7));
const otherKey = createSecretKey(Buffer.alloc(32, 8));
const order = (id: string, version: number): TokenEntry => ({
  topic: 'shop.orders.order',
  id,
  version,
});

const version = integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const entry = record({
  topic: constantFrom('shop.orders.order', 'shop.payments.payment', 'ü'),
  id: oneof(uuid(), string({ maxLength: 40, unit: 'binary' })),
  version,
});
const entries = array(entry, { maxLength: entriesMax });

const lettersOfBase64Url = Array.from(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
);

/** As large as an entry of a command can be. */
const longest = (place: number): TokenEntry => ({
  topic: `${place}`.padEnd(249, 't'),
  id: 'i'.repeat(128),
  version: Number.MAX_SAFE_INTEGER,
});

describe('a token', () => {
  test('says what was signed', () => {
    assert(
      property(entries, (signed) => {
        expect(readToken(key, signToken(key, signed))).toEqual({ ok: true, entries: signed });
      }),
    );
  });

  test('is refused when any bit of its text was changed', () => {
    const token = signToken(key, [order('a', 1), order('b', 2)]);
    const accepted: string[] = [];
    for (let place = 0; place < token.length; place += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const changed = String.fromCharCode(token.charCodeAt(place) ^ (1 << bit));
        const text = token.slice(0, place) + changed + token.slice(place + 1);
        if (readToken(key, text).ok) accepted.push(text);
      }
    }
    expect(accepted).toEqual([]);
  });

  test('has one spelling: another last letter with the same bytes is refused', () => {
    // One entry whose token does not end at a whole group of four letters has spare bits in its last one.
    const token = signToken(key, [order('abc', 1)]);
    expect(token.length % 4).not.toBe(0);
    const letters = lettersOfBase64Url.filter((letter) => letter !== token.at(-1));
    const accepted = letters.filter((letter) => readToken(key, token.slice(0, -1) + letter).ok);
    expect(accepted).toEqual([]);
  });

  test('is refused when it is signed with another key, cut off, of another format, or too long', () => {
    const token = signToken(key, [order('a', 1)]);
    expect(readToken(otherKey, token)).toMatchObject({
      ok: false,
      detail: expect.stringContaining('another key'),
    });
    for (let length = 0; length < token.length; length += 1) {
      expect(readToken(key, token.slice(0, length)).ok).toBe(false);
    }
    const format2 = Buffer.from(token, 'base64url');
    format2[0] = 2;
    expect(readToken(key, format2.toString('base64url'))).toMatchObject({
      ok: false,
      detail: expect.stringContaining('does not know'),
    });
    expect(readToken(key, 'A'.repeat(tokenCharactersMax + 1)).ok).toBe(false);
  });

  test('never throws, whatever the text', () => {
    const base64Url = string({ unit: constantFrom(...lettersOfBase64Url) });
    assert(
      property(oneof(string({ unit: 'binary' }), base64Url), (text) => {
        expect(readToken(key, text).ok).toBe(false);
      }),
    );
  });

  test('keeps the newest entries at the bound of their number', () => {
    const written = Array.from({ length: entriesMax + 3 }, (_, place) => order(`o${place}`, 1));
    const read = readToken(key, signToken(key, written));
    expect(read).toEqual({ ok: true, entries: written.slice(3) });
  });

  test('keeps the newest entries that fit into its characters', () => {
    const written = Array.from({ length: entriesMax }, (_, place) => longest(place));
    const token = signToken(key, written);
    expect(token.length).toBeLessThanOrEqual(tokenCharactersMax);
    const read = readToken(key, token);
    expect(read.ok && read.entries.length).toBeGreaterThan(5);
    expect(read.ok && written.slice(-read.entries.length)).toEqual(read.ok && read.entries);
  });

  test('of one entry is short', () => {
    const token = signToken(key, [order('0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b', 1)]);
    expect(token.length).toBeLessThan(120);
  });
});

describe('merging', () => {
  test('keeps each aggregate once, with its newest version, wherever that stood', () => {
    assert(
      property(entries, entries, (older, newer) => {
        const merged = mergeEntries(older, newer);
        const names = merged.map(({ topic, id }) => JSON.stringify([topic, id]));
        expect(new Set(names).size).toBe(names.length);
        for (const { topic, id, version: mentioned } of [...older, ...newer]) {
          const kept = merged.find((each) => each.topic === topic && each.id === id);
          expect(kept?.version).toBeGreaterThanOrEqual(mentioned);
        }
        for (const each of merged) expect([...older, ...newer]).toContainEqual(each);
      }),
    );
  });

  test('puts what was written last at the end, where the bound keeps it', () => {
    expect(mergeEntries([order('a', 1), order('b', 1)], [order('a', 2)])).toEqual([
      order('b', 1),
      order('a', 2),
    ]);
    expect(mergeEntries([order('a', 2), order('b', 1)], [order('a', 1)])).toEqual([
      order('a', 2),
      order('b', 1),
    ]);
  });
});

describe('a header', () => {
  const first = signToken(key, [order('a', 1), order('b', 5)]);
  const second = signToken(key, [order('a', 2)]);

  test('may hold several tokens', () => {
    const both = { ok: true, entries: [order('b', 5), order('a', 2)] };
    expect(readTokens(key, `${first}, ${second}`)).toEqual(both);
    expect(readTokens(key, `,${first} ,\t${second}`)).toEqual(both);
  });

  test('is refused as a whole when one of its tokens is wrong', () => {
    expect(readTokens(key, `${first},x${second}`).ok).toBe(false);
  });

  test('holds a bounded number of tokens', () => {
    const most = Array.from({ length: tokensPerHeaderMax }, () => first).join(',');
    expect(readTokens(key, most).ok).toBe(true);
    expect(readTokens(key, `${most},${first}`)).toEqual({
      ok: false,
      detail: `A request carries at most ${tokensPerHeaderMax} tokens.`,
    });
  });
});

describe('the key', () => {
  test('is 32 bytes in base64, or absent', () => {
    expect(tokenKey(Buffer.alloc(32, 7).toString('base64'))?.equals(key)).toBe(true);
    expect(tokenKey(undefined)).toBeNull();
    expect(tokenKey('')).toBeNull();
    expect(() => tokenKey('c2hvcnQ=')).toThrow(/holds 5 bytes/);
  });
});
