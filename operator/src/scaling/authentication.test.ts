import { describe, expect, it } from 'vitest';
import { authenticate, parseFrontProxyTrust, type FrontProxyTrust } from './authentication.ts';

const published = {
  'client-ca-file': 'another CA',
  'requestheader-allowed-names': '["front-proxy-client","aggregator"]',
  'requestheader-client-ca-file': 'PEM',
  'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
  'requestheader-group-headers': '["X-Remote-Group"]',
  'requestheader-username-headers': '["X-Remote-User"]',
};
const trust: FrontProxyTrust = {
  clientCa: 'PEM',
  allowedNames: ['front-proxy-client', 'aggregator'],
  usernameHeaders: ['X-Remote-User'],
  groupHeaders: ['X-Remote-Group'],
  extraHeaderPrefixes: ['X-Remote-Extra-'],
};
const peer = { trusted: true, commonName: 'aggregator' };
const headers = {
  'x-remote-user': ['jane'],
  'x-remote-group': ['developers', 'system:authenticated'],
  'x-remote-extra-acme.com%2fproject': ['a', 'b'],
  'x-remote-extra-scopes%': ['view'],
  accept: ['application/json'],
};

describe('what the API server publishes', () => {
  it('is read as lists of names', () => {
    expect(parseFrontProxyTrust(published)).toEqual(trust);
  });

  it('trusts nobody without a CA or without a header for the user', () => {
    const { 'requestheader-client-ca-file': _, ...noCa } = published;
    expect(parseFrontProxyTrust(noCa)).toBeUndefined();
    expect(
      parseFrontProxyTrust({ ...published, 'requestheader-username-headers': '[]' }),
    ).toBeUndefined();
    expect(parseFrontProxyTrust({})).toBeUndefined();
  });

  it('must be JSON', () => {
    expect(() =>
      parseFrontProxyTrust({ ...published, 'requestheader-allowed-names': 'aggregator' }),
    ).toThrow(SyntaxError);
  });
});

describe('a request', () => {
  it('comes from the user whom the front proxy names', () => {
    expect(authenticate(trust, peer, headers)).toEqual({
      ok: true,
      caller: {
        user: 'jane',
        groups: ['developers', 'system:authenticated'],
        extra: { 'acme.com/project': ['a', 'b'], 'scopes%': ['view'] },
      },
    });
  });

  it('may come from any name when none is listed', () => {
    const anyName = { ...trust, allowedNames: [] };
    expect(authenticate(anyName, { trusted: true, commonName: 'x' }, headers).ok).toBe(true);
  });

  it.each([
    ['This cluster publishes no front-proxy CA', undefined, peer, headers],
    [
      'Ask through the API server: only its front-proxy certificate is trusted here',
      trust,
      { trusted: false, commonName: 'aggregator' },
      headers,
    ],
    [
      'Ask through the API server: only its front-proxy certificate is trusted here',
      { ...trust, allowedNames: [] },
      { trusted: true, commonName: undefined },
      headers,
    ],
    [
      'A front proxy of the name "mallory" is not allowed',
      trust,
      { trusted: true, commonName: 'mallory' },
      headers,
    ],
    ['The front proxy named no user', trust, peer, { ...headers, 'x-remote-user': [''] }],
    ['The front proxy named no user', trust, peer, { 'x-remote-group': ['system:masters'] }],
  ])('is refused: %s', (message, trusted, from, sent) => {
    expect(authenticate(trusted, from, sent)).toEqual({ ok: false, message });
  });
});
