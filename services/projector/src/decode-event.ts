import { isUtf8 } from 'node:buffer';
import { headerNames } from '@cqrs/contract/envelope.ts';
import type { FetchedRecord } from '@cqrs/runtime/kafka/port.ts';
import { memberText } from './json-member.ts';

type State = { readonly [field: string]: unknown };

/** What happened to an aggregate, as far as views need it. */
export type AggregateEvent = {
  readonly offset: string;
  readonly aggregateId: string;
  /** Decimal, from 1; no larger than a double counts exactly, because Redis' Lua compares it as one. */
  readonly version: string;
  /** The state after the event as it was written, and parsed; null once deleted. */
  readonly state: { readonly json: string; readonly fields: State } | null;
  readonly lsn: string;
};

export type Decoded =
  | { readonly ok: true; readonly event: AggregateEvent }
  | {
      readonly ok: false;
      /** The aggregate's id, '' when the record does not say it. */
      readonly key: string;
      /** Decimal, '' when the record does not say it. */
      readonly version: string;
      readonly detail: string;
    };

const versionPattern = /^[1-9]\d{0,15}$/;
/** Empty when whoever publishes has no LSN to give, as Debezium's outbox router. */
const lsnPattern = /^\d{0,20}$/;

const unicodeEscape = '\\u';
/** What decoding puts in the place of bytes that are not UTF-8; a text may also hold it by itself. */
const replacementCharacter = '\ufffd';
/** A whole pair, half of one (captured), or any other escape, so that an escaped backslash begins none. */
const escapes = /\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)/g;

function isObject(value: unknown): value is State {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function headerText(record: FetchedRecord, name: string): string {
  return record.header(name) ?? '';
}

/** Undefined when it is not UTF-8. */
function textOf(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  return text.includes(replacementCharacter) && !isUtf8(bytes) ? undefined : text;
}

/** Undefined when the value is not what the envelope promises; null state means that the aggregate was deleted. */
function decodeState(value: Buffer | null): AggregateEvent['state'] | undefined {
  if (value === null) return null;
  const text = textOf(value);
  if (text === undefined) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(parsed)) return undefined;
  const fields = parsed['state'];
  if (fields === null) return null;
  if (!isObject(fields)) return undefined;
  const json = memberText(text, 'state');
  // The read store keeps one line a document, and JSON needs no line breaks.
  return { json: json === null || json.includes('\n') ? JSON.stringify(fields) : json, fields };
}

/**
 * Whether no escape of the JSON names half of a surrogate pair alone, which UTF-8 cannot hold: Redis' cjson refuses it
 * in the midst of a script, whose first writes would stay. A half can only come as an escape, since the text was UTF-8.
 */
function isWellFormed(json: string): boolean {
  if (!json.includes(unicodeEscape)) return true;
  return json.matchAll(escapes).every(([, half]) => half === undefined);
}

/** Reads a record (envelope.ts says what it holds). What is wrong comes back as a sentence: retrying cannot mend it. */
export function decodeEvent(record: FetchedRecord): Decoded {
  const aggregateId = aggregateIdOf(record.key);
  const version = versionOf(record);
  const refuse = (detail: string): Decoded => {
    return { ok: false, key: aggregateId, version, detail };
  };
  if (aggregateId === '') {
    return refuse('its key is not an aggregate id: empty, not UTF-8, or with a NUL character');
  }
  if (version === '') {
    const text = headerText(record, headerNames.sequence);
    return refuse(`its header ${headerNames.sequence} is "${text}" and not a version from 1`);
  }
  const lsn = headerText(record, headerNames.lsn);
  if (!lsnPattern.test(lsn)) {
    return refuse(`its header ${headerNames.lsn} is "${lsn}" and not a decimal LSN`);
  }
  const state = decodeState(record.value);
  if (state === undefined) {
    return refuse('its value is not a JSON object with a "state" that is an object or null');
  }
  if (state !== null && !isWellFormed(state.json)) {
    return refuse('its state holds text that is not Unicode: half of a surrogate pair');
  }
  return { ok: true, event: { offset: record.offset, aggregateId, version, state, lsn } };
}

/** When the event was committed, in milliseconds since 1970; null when the record does not say. */
export function committedAtMs(record: FetchedRecord): number | null {
  const timeMs = Date.parse(headerText(record, headerNames.time));
  return Number.isNaN(timeMs) ? null : timeMs;
}

/** '' when it is none. A NUL separates ids from sort keys in the read store. */
function aggregateIdOf(key: Buffer | null): string {
  const id = key === null ? '' : (textOf(key) ?? '');
  return id.includes('\0') ? '' : id;
}

function versionOf(record: FetchedRecord): string {
  const version = headerText(record, headerNames.sequence);
  return versionPattern.test(version) && Number.isSafeInteger(Number(version)) ? version : '';
}
