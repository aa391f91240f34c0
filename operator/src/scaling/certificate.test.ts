import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { issueCertificate } from './certificate.ts';

const dayMs = 24 * 3600_000;
const names = ['cqrs-operator.cqrs-system.svc', 'cqrs-operator.cqrs-system'];
const issue = (fromMs = Date.now()): ReturnType<typeof issueCertificate> =>
  issueCertificate(names, { fromMs, forMs: 90 * dayMs });

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

describe('an issued certificate', () => {
  it('is signed by its CA, belongs to its key and is made out to the names', () => {
    const issued = issue();
    const ca = new X509Certificate(issued.ca);
    const certificate = new X509Certificate(issued.certificate);
    expect(ca.ca).toBe(true);
    expect(ca.verify(ca.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(ca)).toBe(true);
    expect(certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(issued.key))).toBe(true);
    expect(certificate.subjectAltName).toBe(names.map((name) => `DNS:${name}`).join(', '));
    expect(certificate.checkHost('elsewhere.svc')).toBeUndefined();
  });

  it('is valid from five minutes ago for as long as asked, on both sides of 2050', () => {
    for (const year of [2030, 2049, 2050, 2105]) {
      const fromMs = Date.UTC(year, 11, 30);
      const certificate = new X509Certificate(issue(fromMs).certificate);
      expect(certificate.validFromDate.getTime()).toBe(fromMs - 5 * 60_000);
      expect(certificate.validToDate.getTime()).toBe(fromMs + 90 * dayMs);
    }
  });

  it('differs from every other: another CA does not vouch for it', () => {
    const [one, other] = [issue(), issue()];
    const certificate = new X509Certificate(one.certificate);
    const stranger = new X509Certificate(other.ca);
    expect(certificate.checkIssued(stranger)).toBe(false);
    expect(certificate.verify(stranger.publicKey)).toBe(false);
    expect(certificate.serialNumber).not.toBe(new X509Certificate(other.certificate).serialNumber);
  });

  it('is accepted in a TLS handshake by who trusts the CA, alone or in a bundle, and by nobody else', async () => {
    const [issued, other] = [issue(), issue()];
    const server = createServer({ key: issued.key, cert: issued.certificate }, (_, reply) =>
      reply.end('ok'),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    stops.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const { port } = server.address() as AddressInfo;
    const get = (ca: string): Promise<number | string> =>
      new Promise((resolve) => {
        request({ host: '127.0.0.1', port, servername: names[0], ca, agent: false }, (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        })
          .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
          .end();
      });
    expect(await get(issued.ca)).toBe(200);
    expect(await get(other.ca + issued.ca)).toBe(200);
    expect(await get(other.ca)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });
});
