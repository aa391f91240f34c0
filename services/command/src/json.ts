import { isUtf8 } from 'node:buffer';
import type { FieldProblem } from '@cqrs/contract/problems.ts';

export type JsonObject = { readonly [field: string]: unknown };

export type Parsed =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly detail: string; readonly errors: readonly FieldProblem[] };

/** Objects and arrays inside one another. Postgres and JSON.stringify both recurse, so there must be an end. */
export const depthMax = 64;
/** A body of one megabyte can be wrong in half a million places; nobody reads more than a page. */
export const fieldProblemsMax = 20;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The JSON Pointer (RFC 6901) of a member of what `pointer` names. */
export function pointerTo(pointer: string, member: string | number): string {
  return `${pointer}/${String(member).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** Reads the bytes of a body as a JSON object that Postgres can store as it is, or says what is wrong with it. */
export function parseObject(bytes: Uint8Array): Parsed {
  if (bytes.length === 0) return refused('The body is empty; send a JSON object.');
  if (!isUtf8(bytes)) return refused('The body is not UTF-8, which JSON must be.');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refused(
      `The body is not JSON: ${error instanceof Error ? error.message : 'unreadable'}.`,
    );
  }
  if (!isObject(value)) {
    return refused('The body must be a JSON object.', [
      { pointer: '', detail: `must be an object and is ${describe(value)}` },
    ]);
  }
  const errors = isStorable(value, 1) ? [] : whyUnstorable(value, text);
  if (errors.length > 0) return refused('The body holds what cannot be stored.', errors);
  return { ok: true, value };
}

function refused(detail: string, errors: readonly FieldProblem[] = []): Parsed {
  return { ok: false, detail, errors };
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}

/** Whether nothing can be wrong; almost always so, and found without a pointer to every field. */
function isStorable(value: unknown, depth: number): boolean {
  if (typeof value === 'number' && Number.isInteger(value)) return Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null) return unstorableScalar(value) === undefined;
  if (depth > depthMax) return false;
  if (Array.isArray(value)) return value.every((inner) => isStorable(inner, depth + 1));
  return Object.entries(value).every(
    ([member, inner]) =>
      member !== '__proto__' &&
      unstorableString(member) === undefined &&
      isStorable(inner, depth + 1),
  );
}

// The second look is for integers, whose digits the parsed value no longer tells. It comes second because a reviver
// recurses, and only the first look has bounded the depth.
function whyUnstorable(body: JsonObject, text: string): readonly FieldProblem[] {
  const errors = unstorable(body);
  if (errors.length > 0) return errors;
  const literal: unknown = JSON.parse(text, roundedIntegerAsBigInt);
  return isObject(literal) ? unstorable(literal) : [];
}

// A mark that JSON.parse never makes by itself; the digits do not matter, and a million of them would cost time.
const roundedInteger = 0n;

function roundedIntegerAsBigInt(
  _member: string,
  value: unknown,
  context?: { readonly source?: string },
): unknown {
  if (typeof value !== 'number' || !Number.isInteger(value)) return value;
  if (Number.isSafeInteger(value)) return value;
  return isSameNumber(context?.source ?? '', String(value)) ? value : roundedInteger;
}

/** Whether two JSON numbers mean the same, however they are written: 1e20 and 100000000000000000000 do. */
function isSameNumber(one: string, other: string): boolean {
  return one === other || normalForm(one) === normalForm(other);
}

const numberParts = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i;

/** Sign, digits without zeros at either end, and the power of ten of the last of them. */
function normalForm(number: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = numberParts.exec(number) ?? [];
  const digits = whole + fraction;
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end -= 1;
  let start = 0;
  while (start < end && digits[start] === '0') start += 1;
  const power = Number(exponent) - fraction.length + (digits.length - end);
  return `${sign}${digits.slice(start, end)}e${power}`;
}

/**
 * What JSON allows and `jsonb` or JavaScript would refuse or change: NUL and lone surrogates in strings, numbers
 * beyond a double, integers that a double would round, a field called __proto__, and nesting without end.
 */
function unstorable(body: JsonObject): readonly FieldProblem[] {
  const errors: FieldProblem[] = [];
  const visit = (value: unknown, pointer: string, depth: number): void => {
    if (errors.length >= fieldProblemsMax) return;
    const detail = unstorableScalar(value);
    if (detail !== undefined) errors.push({ pointer, detail });
    if (typeof value !== 'object' || value === null) return;
    if (depth > depthMax) {
      errors.push({ pointer, detail: `is nested deeper than ${depthMax} levels` });
      return;
    }
    for (const [member, inner] of Object.entries(value)) {
      const name = unstorableString(member);
      if (name !== undefined || member === '__proto__') {
        errors.push({
          pointer,
          detail: `has a field whose name ${name ?? 'is reserved: __proto__'}`,
        });
      } else {
        visit(inner, pointerTo(pointer, member), depth + 1);
      }
    }
  };
  visit(body, '', 1);
  return errors;
}

function unstorableScalar(value: unknown): string | undefined {
  if (typeof value === 'string') return unstorableString(value);
  if (typeof value === 'bigint') {
    return 'is a number with more digits than a 64-bit float keeps, which would be rounded; send it as a string';
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return 'is a number too large for a 64-bit float; send it as a string';
  }
  return undefined;
}

function unstorableString(text: string): string | undefined {
  if (text.includes('\0')) return 'contains the character U+0000, which Postgres cannot store';
  return text.isWellFormed() ? undefined : 'contains half of a surrogate pair';
}
