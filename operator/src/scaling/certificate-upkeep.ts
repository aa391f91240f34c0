import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KubeObject } from '../kube/object.ts';
import type { IssuedCertificate } from './certificate.ts';

/** How long a serving certificate is valid, and how long before its end it is replaced. */
export const certificateLifetimeMs = 90 * 24 * 3_600_000;
export const renewBeforeMs = 30 * 24 * 3_600_000;

/** Certificate authorities that clients trust at once: the current one, and the one whose certificate is replaced. */
const trustedCasMax = 2;

export type CertificateSecret = KubeObject & { data?: Readonly<Record<string, string>> };

/** What a Secret holds: `certificate` and `key` to serve with, and `trusted`, the PEM bundle for clients. */
export type StoredCertificate = {
  readonly trusted: string;
  readonly certificate: string;
  readonly key: string;
  readonly expiresAtMs: number;
};

/** The one next thing to do; `issue` replaces certificate and CA, `trust` only tells clients of the CA. */
export type UpkeepStep = 'none' | 'issue' | 'trust';

/** Decides from what is stored and what the APIService trusts (undefined: it is not ours to write). */
export function nextUpkeepStep(observed: {
  readonly stored: StoredCertificate | undefined;
  readonly trustedNow: string | undefined;
  readonly nowMs: number;
}): UpkeepStep {
  const { stored, trustedNow, nowMs } = observed;
  if (stored === undefined || stored.expiresAtMs - nowMs < renewBeforeMs) return 'issue';
  if (trustedNow !== undefined && trustedNow !== stored.trusted) return 'trust';
  return 'none';
}

/** Reads the Secret; undefined when it does not hold a matching certificate and key made out to all of `dnsNames`. */
export function readStored(
  secret: CertificateSecret | undefined,
  dnsNames: readonly string[],
): StoredCertificate | undefined {
  const [trusted, certificate, key] = ['ca.crt', 'tls.crt', 'tls.key'].map((name) =>
    Buffer.from(secret?.data?.[name] ?? '', 'base64').toString('utf8'),
  );
  if (!trusted || !certificate || !key) return undefined;
  try {
    const parsed = new X509Certificate(certificate);
    const fits =
      parsed.checkPrivateKey(createPrivateKey(key)) &&
      dnsNames.every((name) => parsed.checkHost(name) !== undefined);
    if (!fits) return undefined;
    return { trusted, certificate, key, expiresAtMs: parsed.validToDate.getTime() };
  } catch {
    // Whatever else is in there cannot be served with, and is replaced like nothing at all.
    return undefined;
  }
}

/**
 * The PEM bundle to trust while `issued` takes over from what is `trusted` so far: replicas serve the old certificate
 * until they have read the new one.
 */
export function trustBundle(issued: IssuedCertificate, trusted: string): string {
  const before = trusted.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? [];
  return [issued.ca, ...before.map((pem) => `${pem}\n`)].slice(0, trustedCasMax).join('');
}
