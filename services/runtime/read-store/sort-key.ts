import { stateField } from './state-field.ts';

/**
 * Order-preserving text for JSON values. Comparing two sort keys byte by byte as UTF-8, as Redis' BYLEX does, gives
 * null < false < true < numbers < strings < anything else, and the reverse for a descending field. Every field's text
 * ends itself (as in FoundationDB's tuple layer), so several fields are put together by concatenation and whatever
 * follows never changes the order. It stays valid UTF-8 in both directions because the Redis client sends strings
 * faster than buffers.
 */

/** Of a text only so many characters (code points) decide its place; between equal places the document's id does. */
export const sortedCharactersMax = 128;

export type SortField = { readonly field: string; readonly descending: boolean };

/** Reads the notation of a view's index: `placedAt` ascending, `-placedAt` descending. */
export function sortField(notation: string): SortField {
  const descending = notation.startsWith('-');
  return { field: descending ? notation.slice(1) : notation, descending };
}

const rankMax = 5;

function rank(value: unknown): number {
  if (value === null || value === undefined) return 0;
  if (value === false) return 1;
  if (value === true) return 2;
  if (typeof value === 'number') return 3;
  return typeof value === 'string' ? 4 : rankMax;
}

const number = new DataView(new ArrayBuffer(8));
const byteTexts = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A byte at a time by table: a number's own toString and padStart take several times as long. */
const hex = (word: number): string =>
  byteText(word >>> 24) + byteText(word >>> 16) + byteText(word >>> 8) + byteText(word);
const byteText = (word: number): string => byteTexts[word & 0xff] ?? '';

/** IEEE 754 doubles sort as unsigned integers once the sign bit is flipped, of negative ones every bit. */
function numberText(value: number, descending: boolean): string {
  const zeroWithoutSign = value === 0 ? 0 : value;
  number.setFloat64(0, zeroWithoutSign);
  const high = number.getInt32(0);
  const low = number.getInt32(4);
  const reverse = descending ? -1 : 0;
  const flipHigh = high < 0 ? -1 : 0x80000000;
  const flipLow = high < 0 ? -1 : 0;
  return hex(high ^ flipHigh ^ reverse) + hex(low ^ flipLow ^ reverse);
}

// Ascending, the terminator is the lowest character, and the two lowest of the text are escaped to stay above it.
const ascendingEnd = '\u0000';

function ascendingCharacter(codePoint: number): string {
  if (codePoint > 1) return String.fromCodePoint(codePoint);
  return codePoint === 0 ? '\u0001\u0001' : '\u0001\u0002';
}

// Descending, ASCII is mirrored onto 0x03..0x82 below the terminator 0x83; what is above ASCII comes first, as 0x01
// and the mirrored code point in three characters of seven bits.
const descendingEnd = '\u0083';

function descendingCharacter(codePoint: number): string {
  if (codePoint < 0x80) return String.fromCharCode(0x82 - codePoint);
  const mirrored = 0x10ffff - codePoint;
  return String.fromCharCode(1, mirrored >> 14, (mirrored >> 7) & 0x7f, mirrored & 0x7f);
}

function textKey(text: string, descending: boolean): string {
  const character = descending ? descendingCharacter : ascendingCharacter;
  let key = '';
  let characters = 0;
  for (const each of text.toWellFormed()) {
    if (characters === sortedCharactersMax) break;
    key += character(each.codePointAt(0) ?? 0);
    characters += 1;
  }
  return key + (descending ? descendingEnd : ascendingEnd);
}

function fieldKey(value: unknown, descending: boolean): string {
  const kind = String(descending ? rankMax - rank(value) : rank(value));
  if (typeof value === 'number') return kind + numberText(value, descending);
  return typeof value === 'string' ? kind + textKey(value, descending) : kind;
}

/** The sort key of one document in one index: `fields` in their order of weight, values from `state`. */
export function sortKey(
  fields: readonly SortField[],
  state: { readonly [field: string]: unknown },
): string {
  let key = '';
  for (const { field, descending } of fields) {
    key += fieldKey(stateField(state, field), descending);
  }
  return key;
}
