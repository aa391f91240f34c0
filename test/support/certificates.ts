import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../cluster/tools/command.ts';

const validDays = '2';
const newEcCertificate =
  'req -x509 -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1'.split(' ');

/** Paths of a PEM certificate and its key. */
export type KeyPair = { certPath: string; keyPath: string };

type Subject = {
  name: string;
  /** In OpenSSL's form, such as `/O=system:masters/CN=admin`. */
  subject: string;
  /** Absent: a certificate authority that signs itself. */
  issuer?: KeyPair;
  /** Such as `IP:127.0.0.1,DNS:localhost`. */
  alternativeNames?: string;
};

/** Writes `<name>.crt` and `<name>.key` into `folder`: an EC certificate for server and client use. */
export async function createCertificate(folder: string, of: Subject): Promise<KeyPair> {
  const pair = {
    certPath: join(folder, `${of.name}.crt`),
    keyPath: join(folder, `${of.name}.key`),
  };
  const extensions = of.issuer
    ? [
        'keyUsage=digitalSignature',
        'extendedKeyUsage=serverAuth,clientAuth',
        'basicConstraints=CA:FALSE',
      ]
    : ['keyUsage=keyCertSign,cRLSign', 'basicConstraints=critical,CA:TRUE'];
  if (of.alternativeNames) extensions.push(`subjectAltName=${of.alternativeNames}`);
  const issuer = of.issuer ? ['-CA', of.issuer.certPath, '-CAkey', of.issuer.keyPath] : [];
  const request = [
    '-days',
    validDays,
    '-subj',
    of.subject,
    '-out',
    pair.certPath,
    '-keyout',
    pair.keyPath,
  ];
  await run('openssl', [
    ...newEcCertificate,
    ...request,
    ...issuer,
    ...extensions.flatMap((extension) => ['-addext', extension]),
  ]);
  return pair;
}

/** Writes an RSA key pair, as service account tokens are signed with. */
export async function createSigningKey(
  folder: string,
): Promise<{ publicKeyPath: string; privateKeyPath: string }> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const paths = { publicKeyPath: join(folder, 'sa.pub'), privateKeyPath: join(folder, 'sa.key') };
  await writeFile(paths.publicKeyPath, publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(paths.privateKeyPath, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return paths;
}
