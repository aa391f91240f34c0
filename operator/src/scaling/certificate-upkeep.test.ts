import { describe, expect, it } from 'vitest';
import {
  certificateLifetimeMs,
  nextUpkeepStep,
  readStored,
  renewBeforeMs,
  trustBundle,
  type CertificateSecret,
  type StoredCertificate,
} from './certificate-upkeep.ts';
import { issueCertificate, type IssuedCertificate } from './certificate.ts';

const nowMs = Date.UTC(2030, 5, 1);
const names = ['cqrs-operator.cqrs-system.svc'];
const issue = (forNames = names): IssuedCertificate =>
  issueCertificate(forNames, { fromMs: nowMs, forMs: certificateLifetimeMs });

function secretOf(issued: IssuedCertificate, trusted = issued.ca): CertificateSecret {
  const data = { 'ca.crt': trusted, 'tls.crt': issued.certificate, 'tls.key': issued.key };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'cqrs-operator-serving-cert', namespace: 'cqrs-system' },
    data: Object.fromEntries(
      Object.entries(data).map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
    ),
  };
}

function stored(issued: IssuedCertificate, trusted = issued.ca): StoredCertificate {
  const read = readStored(secretOf(issued, trusted), names);
  if (read === undefined) throw new Error('it cannot be read');
  return read;
}

describe('the stored certificate', () => {
  it('is read back as it was issued', () => {
    const issued = issue();
    expect(stored(issued)).toEqual({
      trusted: issued.ca,
      certificate: issued.certificate,
      key: issued.key,
      expiresAtMs: nowMs + certificateLifetimeMs,
    });
  });

  it('counts as missing when it is absent, broken, another key’s or another name’s', () => {
    const issued = issue();
    const { data, ...empty } = secretOf(issued);
    expect(readStored(undefined, names)).toBeUndefined();
    expect(readStored(empty, names)).toBeUndefined();
    const broken = { ...empty, data: { ...data, 'tls.crt': 'bm90IGEgY2VydGlmaWNhdGU=' } };
    expect(readStored(broken, names)).toBeUndefined();
    expect(readStored(secretOf({ ...issued, key: issue().key }), names)).toBeUndefined();
    expect(readStored(secretOf(issue(['other.ns.svc'])), names)).toBeUndefined();
  });
});

describe('the next step', () => {
  const issued = issue();
  const kept = stored(issued);
  const renewAtMs = kept.expiresAtMs - renewBeforeMs;

  it.each([
    ['none', { stored: kept, trustedNow: kept.trusted, nowMs }],
    ['none', { stored: kept, trustedNow: kept.trusted, nowMs: renewAtMs }],
    ['issue', { stored: kept, trustedNow: kept.trusted, nowMs: renewAtMs + 1 }],
    ['issue', { stored: undefined, trustedNow: '', nowMs }],
    ['issue', { stored: undefined, trustedNow: undefined, nowMs }],
    ['trust', { stored: kept, trustedNow: '', nowMs }],
    ['trust', { stored: kept, trustedNow: issue().ca, nowMs }],
    // Not ours to write.
    ['none', { stored: kept, trustedNow: undefined, nowMs }],
  ])('is %s', (step, observed) => {
    expect(nextUpkeepStep(observed)).toBe(step);
  });
});

describe('the bundle that clients trust', () => {
  it('holds the new CA and the one before, and no older one', () => {
    const [first, second, third] = [issue(), issue(), issue()];
    expect(trustBundle(first, '')).toBe(first.ca);
    const both = trustBundle(second, first.ca);
    expect(both).toBe(second.ca + first.ca);
    expect(trustBundle(third, both)).toBe(third.ca + second.ca);
  });
});
