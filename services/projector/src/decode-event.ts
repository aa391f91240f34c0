import { headerNames } from '@cqrs/contract/envelope.ts';
import { memberText } from './json-member.ts';

type HeaderValue = Buffer | string | readonly (Buffer | string)[] | undefined;

/** One Kafka record as the client hands it over. */
export type KafkaRecord = {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: { readonly [name: string]: HeaderValue };
};

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
  /** When the event was committed, in milliseconds since 1970; null when the record does not say. */
  readonly timeMs: number | null;
};

export type Decoded =
  | { readonly ok: true; readonly event: AggregateEvent }
  | { readonly ok: false; readonly detail: string };

const lineBreak = /\n/;
const versionPattern = /^[1-9]\d{0,15}$/;
/** Empty when whoever publishes has no LSN to give, as Debezium's outbox router. */
const lsnPattern = /^\d{0,20}$/;

const unicodeEscape = '\\u';
/** A whole pair, half of one (captured), or any other escape, so that an escaped backslash begins none. */
const escapes = /\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)/g;

function isObject(value: unknown): value is State {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function headerText(record: KafkaRecord, name: string): string {
  const value = record.headers?.[name];
  if (typeof value === 'string') return value;
  return Buffer.isBuffer(value) ? value.toString('utf8') : '';
}

/** Undefined when the value is not what the envelope promises; null state means that the aggregate was deleted. */
function decodeState(value: Buffer | null): AggregateEvent['state'] | undefined {
  if (value === null) return null;
  const text = value.toString('utf8');
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
  return { json: json === null || lineBreak.test(json) ? JSON.stringify(fields) : json, fields };
}

/**
 * Whether no escape of the JSON names half of a surrogate pair alone, which UTF-8 cannot hold: Redis' cjson refuses it
 * in the midst of a script, whose first writes would stay. A half can only come as an escape, since the text was UTF-8.
 */
function isWellFormed(json: string): boolean {
  if (!json.includes(unicodeEscape)) return true;
  return json.matchAll(escapes).every(([, half]) => half === undefined);
}

function refuse(detail: string): Decoded {
  return { ok: false, detail };
}

/** Reads a record (envelope.ts says what it holds). What is wrong comes back as a sentence: retrying cannot mend it. */
export function decodeEvent(record: KafkaRecord): Decoded {
  const aggregateId = record.key?.toString('utf8') ?? '';
  if (aggregateId === '' || aggregateId.includes('\0')) {
    return refuse('its key is not an aggregate id: empty, or with a NUL character');
  }
  const version = headerText(record, headerNames.sequence);
  if (!versionPattern.test(version) || Number(version) > Number.MAX_SAFE_INTEGER) {
    return refuse(`its header ${headerNames.sequence} is "${version}" and not a version from 1`);
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
  const timeMs = Date.parse(headerText(record, headerNames.time));
  const event = { offset: record.offset, aggregateId, version, state, lsn };
  return { ok: true, event: { ...event, timeMs: Number.isNaN(timeMs) ? null : timeMs } };
}
