import { describe, expect, it } from 'vitest';
import { fingerprintOf, parseIdempotencyKey } from './idempotency.ts';

describe('Idempotency-Key', () => {
  it.each([
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['"8e03978e"', '8e03978e'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['a"b', 'a"b'],
    ['"', '"'],
    ['a,b;c=1', 'a,b;c=1'],
    ['x'.repeat(255), 'x'.repeat(255)],
    [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
  ])('%s is the key %s', (header, key) => {
    expect(parseIdempotencyKey(header)).toEqual({ ok: true, key });
  });

  it.each(['', '""', 'a b', '"a b"', 'ä', 'x'.repeat(256), `"${'x'.repeat(256)}"`, 'a\tb'])(
    'cannot be %j',
    (header) => {
      expect(parseIdempotencyKey(header)).toMatchObject({
        ok: false,
        detail: expect.stringContaining('255'),
      });
    },
  );

  it('may be absent', () => {
    expect(parseIdempotencyKey(undefined)).toEqual({ ok: true, key: undefined });
  });
});

describe('fingerprint', () => {
  const request = {
    method: 'PUT',
    path: '/order/o1',
    ifMatch: '"1"',
    ifNoneMatch: undefined,
    body: Buffer.from('{"a":1}'),
  };

  it('is the same for the same request', () => {
    expect(fingerprintOf({ ...request })).toBe(fingerprintOf(request));
    expect(fingerprintOf(request)).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it.each([
    ['method', { method: 'PATCH' }],
    ['path', { path: '/order/o2' }],
    ['If-Match', { ifMatch: '"2"' }],
    ['If-Match that became If-None-Match', { ifMatch: undefined, ifNoneMatch: '"1"' }],
    ['body', { body: Buffer.from('{"a": 1}') }],
    ['no body', { body: undefined }],
  ])('tells another %s', (_, other) => {
    expect(fingerprintOf({ ...request, ...other })).not.toBe(fingerprintOf(request));
  });
});
