import {
  createHash,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import {
  bitString,
  explicit,
  implicit,
  integer,
  isTrue,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

/** A serving certificate with its key and the CA that signed it, all PEM. */
export type IssuedCertificate = {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
};

// Clocks of a cluster differ a little; a certificate from the future is refused.
const backdatedMs = 5 * 60_000;

/**
 * Makes a certificate authority, lets it sign one serving certificate for `dnsNames`, and forgets its key: whoever
 * trusts this CA trusts exactly this certificate. ECDSA on P-256 with SHA-256; the format is RFC 5280's.
 */
export function issueCertificate(
  dnsNames: readonly string[],
  valid: { readonly fromMs: number; readonly forMs: number },
): IssuedCertificate {
  const ca = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const serving = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const validity = sequence(time(valid.fromMs - backdatedMs), time(valid.fromMs + valid.forMs));
  // The CA's name differs from issue to issue, so that a bundle of two is never searched for the wrong one.
  const caName = commonName(`cqrs-operator metrics API CA ${keyId(ca.publicKey).toString('hex')}`);
  const issuer = { name: caName, key: ca.privateKey };
  return {
    ca: signed(issuer, {
      subject: caName,
      publicKey: ca.publicKey,
      validity,
      extensions: [
        extension('basicConstraints', sequence(isTrue(), integer(Buffer.from([0])))),
        extension('keyUsage', keyUsage.keyCertSign),
        extension('subjectKeyIdentifier', octetString(keyId(ca.publicKey))),
      ],
    }),
    certificate: signed(issuer, {
      subject: commonName(dnsNames[0] ?? ''),
      publicKey: serving.publicKey,
      validity,
      extensions: [
        extension('basicConstraints', sequence()),
        extension('keyUsage', keyUsage.digitalSignature),
        extension('extendedKeyUsage', sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'))),
        extension('authorityKeyIdentifier', sequence(implicit(0, keyId(ca.publicKey)))),
        extension(
          'subjectAlternativeName',
          sequence(...dnsNames.map((name) => implicit(2, Buffer.from(name)))),
        ),
      ],
    }),
    key: serving.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

// RFC 5280 4.2.1; `critical` as it demands or advises.
const extensions = {
  subjectKeyIdentifier: { id: '2.5.29.14', critical: false },
  keyUsage: { id: '2.5.29.15', critical: true },
  subjectAlternativeName: { id: '2.5.29.17', critical: false },
  basicConstraints: { id: '2.5.29.19', critical: true },
  authorityKeyIdentifier: { id: '2.5.29.35', critical: false },
  extendedKeyUsage: { id: '2.5.29.37', critical: false },
} as const;

function extension(name: keyof typeof extensions, value: Buffer): Buffer {
  const { id, critical } = extensions[name];
  const flag = critical ? [isTrue()] : [];
  return sequence(objectIdentifier(id), ...flag, octetString(value));
}

// Named bits count from the left: digitalSignature is bit 0, keyCertSign bit 5.
const keyUsage = {
  digitalSignature: bitString(Buffer.from([0b1000_0000]), 7),
  keyCertSign: bitString(Buffer.from([0b0000_0100]), 2),
} as const;

const ecdsaWithSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const commonNameAttribute = objectIdentifier('2.5.4.3');
const serialBytes = 16;

function commonName(text: string): Buffer {
  // RFC 5280 bounds a common name to 64 characters; clients look at the alternative names anyway.
  return sequence(set(sequence(commonNameAttribute, utf8String(text.slice(0, 64)))));
}

// RFC 7093 method 1: the leftmost 160 bits of SHA-256 over the key.
function keyId(publicKey: KeyObject): Buffer {
  return createHash('sha256').update(spki(publicKey)).digest().subarray(0, 20);
}

function spki(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}

type Subject = {
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly validity: Buffer;
  readonly extensions: readonly Buffer[];
};

function signed(issuer: { readonly name: Buffer; readonly key: KeyObject }, of: Subject): string {
  const version3 = explicit(0, integer(Buffer.from([2])));
  // The first bit is cleared and the next one set: always positive, never short.
  const serial = randomBytes(serialBytes);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const toBeSigned = sequence(
    version3,
    integer(serial),
    ecdsaWithSha256,
    issuer.name,
    of.validity,
    of.subject,
    spki(of.publicKey),
    explicit(3, sequence(...of.extensions)),
  );
  const signature = sign('sha256', toBeSigned, issuer.key);
  const certificate = sequence(toBeSigned, ecdsaWithSha256, bitString(signature));
  return new X509Certificate(certificate).toString();
}
