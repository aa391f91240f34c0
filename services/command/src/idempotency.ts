import { createHash } from 'node:crypto';
import type { ChangeKind } from '@cqrs/contract/envelope.ts';
import type { Refusal } from './decide.ts';

/** That a command is to take effect once, however often it is sent (draft-ietf-httpapi-idempotency-key-header-07). */
export type Once = {
  readonly key: string;
  /** Of the request; see `fingerprintOf`. */
  readonly fingerprint: string;
};

/** What became of the first command with a key. */
export type Remembered = {
  readonly fingerprint: string;
  readonly change: ChangeKind;
  readonly id: string;
  readonly version: number;
};

export type ParsedKey =
  | { readonly ok: true; readonly key: string | undefined }
  | { readonly ok: false; readonly detail: string };

const keyCharsMax = 255;
const visibleAscii = /^[\x21-\x7e]+$/;
const structuredString = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;

/** Reads the header Idempotency-Key: a string of RFC 9651 in its quotes, or the same text without them. */
export function parseIdempotencyKey(header: string | undefined): ParsedKey {
  if (header === undefined) return { ok: true, key: undefined };
  const quoted = structuredString.exec(header)?.[1];
  const key = quoted === undefined ? header : quoted.replaceAll(/\\(.)/g, '$1');
  if (key.length <= keyCharsMax && visibleAscii.test(key)) return { ok: true, key };
  return {
    ok: false,
    detail: `An Idempotency-Key has 1 to ${keyCharsMax} visible ASCII characters, such as a UUID; this one has not.`,
  };
}

export type FingerprintedRequest = {
  readonly method: string;
  readonly path: string;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly body: Uint8Array | undefined;
};

/** The same for requests that ask for the same. Nothing before the body can hold a line break. */
export function fingerprintOf(request: FingerprintedRequest): string {
  const { method, path, ifMatch = '', ifNoneMatch = '', body } = request;
  const hash = createHash('sha256').update(`${method}\n${path}\n${ifMatch}\n${ifNoneMatch}\n`);
  if (body !== undefined) hash.update(body);
  return hash.digest('base64url');
}

export function keyReused({ key }: Once): Refusal {
  return {
    kind: 'refused',
    code: 'idempotency-key-reused',
    detail: `The Idempotency-Key ${key} came with another request before (method, path, If-Match, If-None-Match or body). Give each command a key of its own.`,
  };
}

export function keyInProgress({ key }: Once): Refusal {
  return {
    kind: 'refused',
    code: 'idempotency-in-progress',
    detail: `A command with the Idempotency-Key ${key} is under way. Repeat the request to learn what became of it.`,
  };
}
