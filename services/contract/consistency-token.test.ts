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
  tokenKeyProblem,
  tokenKeys,
  tokensPerHeaderMax,
  type TokenEntry,
} from './consistency-token.ts';

const keyText = (byte: number): string => Buffer.alloc(32, byte).toString('base64');
const key = tokenKeys({ CQRS_TOKEN_KEY: keyText(7) })!;
const otherKey = tokenKeys({ CQRS_TOKEN_KEY: keyText(8) })!;
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
      why: 'unverified',
      detail: expect.stringContaining('Drop the token'),
      entries: [],
    });
    for (let length = 0; length < token.length; length += 1) {
      expect(readToken(key, token.slice(0, length)).ok).toBe(false);
    }
    const format2 = Buffer.from(token, 'base64url');
    format2[0] = 2;
    expect(readToken(key, format2.toString('base64url'))).toMatchObject({
      ok: false,
      why: 'unverified',
      detail: expect.stringContaining('does not know'),
    });
    expect(readToken(key, 'A'.repeat(tokenCharactersMax + 1))).toMatchObject({ why: 'malformed' });
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

  test('still says what its right tokens cover, and the worst of the wrong ones', () => {
    const unknown = signToken(otherKey, [order('c', 1)]);
    expect(readTokens(key, `${unknown}, ${second}`)).toMatchObject({
      ok: false,
      why: 'unverified',
      entries: [order('a', 2)],
    });
    expect(readTokens(key, `${unknown}, x`)).toMatchObject({ ok: false, why: 'malformed' });
  });

  test('holds a bounded number of tokens', () => {
    const most = Array.from({ length: tokensPerHeaderMax }, () => first).join(',');
    expect(readTokens(key, most).ok).toBe(true);
    expect(readTokens(key, `${most},${first}`)).toMatchObject({
      ok: false,
      why: 'malformed',
      detail: `A request carries at most ${tokensPerHeaderMax} tokens.`,
    });
  });
});

describe('the key', () => {
  test('is 32 bytes in base64, or absent', () => {
    expect(key.signing.export()).toEqual(Buffer.alloc(32, 7));
    expect(tokenKeys({})).toBeNull();
    expect(tokenKeys({ CQRS_TOKEN_KEY: '', CQRS_TOKEN_KEY_PREVIOUS: keyText(7) })).toBeNull();
    expect(() => tokenKeys({ CQRS_TOKEN_KEY: 'c2hvcnQ=' })).toThrow(/TOKEN_KEY holds 5 bytes/);
    const wrong = { CQRS_TOKEN_KEY: keyText(7), CQRS_TOKEN_KEY_PREVIOUS: 'c2hvcnQ=' };
    expect(() => tokenKeys(wrong)).toThrow(/TOKEN_KEY_PREVIOUS holds 5 bytes/);
    expect([tokenKeyProblem(keyText(7)), tokenKeyProblem('')]).toEqual([
      null,
      'holds 0 bytes of base64 and not 32',
    ]);
  });

  test('that was before is accepted and signs nothing, so every step of a rotation reads all tokens', () => {
    const token = {
      old: signToken(key, [order('a', 1)]),
      new: signToken(otherKey, [order('b', 1)]),
    };
    const steps = [
      tokenKeys({ CQRS_TOKEN_KEY: keyText(7), CQRS_TOKEN_KEY_PREVIOUS: keyText(8) })!,
      tokenKeys({ CQRS_TOKEN_KEY: keyText(8), CQRS_TOKEN_KEY_PREVIOUS: keyText(7) })!,
    ] as const;
    for (const keys of steps) {
      expect(readToken(keys, token.old)).toEqual({ ok: true, entries: [order('a', 1)] });
      expect(readToken(keys, token.new)).toEqual({ ok: true, entries: [order('b', 1)] });
    }
    expect(signToken(steps[0], [order('a', 1)])).toBe(token.old);
    expect(signToken(steps[1], [order('b', 1)])).toBe(token.new);
  });
});
