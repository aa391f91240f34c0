import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import type { Clock } from './clock.ts';
import { KubeError } from './errors.ts';
import type { ClusterAccess } from './plain-config.ts';

/** How long credentials read from files or an exec plugin are used before they are read again. */
const credentialsAgeMsMax = 60_000;
const connectMsMax = 10_000;
// Shorter than the API server's own idle bound of 90 s, so that it is us who closes an idle connection.
const idleConnectionMsMax = 60_000;
// Watches hold a connection each (HTTP/1.1); this leaves room for them and for a burst of requests.
const connectionsMax = 256;

type Access = {
  dispatcher: Dispatcher;
  headers: Readonly<Record<string, string>>;
};

/** The one way to the API server: a shared connection pool and the headers that authenticate. */
export type Transport = {
  readonly server: string;
  /** The pool and headers to use now; `KUBE_CONFIG` when credentials cannot be obtained. */
  access(): Promise<Access>;
  /** Reads the credentials anew on the next `access`, after the server refused them. */
  distrust(): void;
  close(): Promise<void>;
};

type Credentials = { access: Access; tlsFingerprint: string; readAtMs: number };

/**
 * Makes the transport for the current context of a kubeconfig. The pool is rebuilt only when the CA, the client
 * certificate or the TLS settings change (client-node would build one per request); requests and watches that are
 * under way on the old pool finish there.
 */
export function createTransport(kubeConfig: ClusterAccess, clock: Clock): Transport {
  const server = kubeConfig.getCurrentCluster()?.server;
  if (server === undefined) {
    throw new KubeError('KUBE_CONFIG', 'The current context names no cluster');
  }
  let current: Credentials | undefined;
  let reading: Promise<Credentials> | undefined;
  let trusted = true;

  const read = async (): Promise<Credentials> => {
    const options = await authenticate(kubeConfig);
    const tls = tlsOptions(options);
    const tlsFingerprint = fingerprint(tls);
    const keeps =
      current?.tlsFingerprint === tlsFingerprint ? current.access.dispatcher : undefined;
    const dispatcher = keeps ?? buildDispatcher(kubeConfig, tls);
    // A graceful close: it waits for requests under way and so is not awaited.
    if (keeps === undefined) current?.access.dispatcher.close().catch(() => undefined);
    trusted = true;
    current = {
      access: { dispatcher, headers: authHeaders(options) },
      tlsFingerprint,
      readAtMs: clock.now(),
    };
    return current;
  };

  return {
    server: server.replace(/\/+$/, ''),
    async access() {
      const fresh = current && clock.now() - current.readAtMs < credentialsAgeMsMax;
      if (current && fresh && trusted) return current.access;
      reading ??= read().finally(() => (reading = undefined));
      return (await reading).access;
    },
    distrust() {
      trusted = false;
    },
    async close() {
      await current?.access.dispatcher.destroy();
    },
  };
}

async function authenticate(kubeConfig: ClusterAccess): Promise<RequestOptions> {
  const options: RequestOptions = {};
  try {
    await kubeConfig.applyToHTTPSOptions(options);
    // client-node keeps a token file's content for a minute of its own; after a 401 it must be read anew.
    const tokenFile: unknown = kubeConfig.getCurrentUser()?.authProvider?.config?.tokenFile;
    if (typeof tokenFile === 'string') {
      const token = (await readFile(tokenFile, 'utf8')).trim();
      Object.assign((options.headers ??= {}), { Authorization: `Bearer ${token}` });
    }
  } catch (cause) {
    throw new KubeError('KUBE_CONFIG', 'Credentials cannot be obtained', { cause });
  }
  return options;
}

function authHeaders(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value !== undefined) headers[name.toLowerCase()] = String(value).trim();
  }
  if (typeof options.auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return headers;
}

function buildDispatcher(kubeConfig: ClusterAccess, tls: TlsOptions): Dispatcher {
  const proxyUrl = kubeConfig.getCurrentCluster()?.proxyUrl;
  const pool = {
    connections: connectionsMax,
    keepAliveTimeout: idleConnectionMsMax,
    keepAliveMaxTimeout: idleConnectionMsMax,
    allowH2: false,
  };
  if (!proxyUrl) return new Agent({ ...pool, connect: { ...tls, timeout: connectMsMax } });
  if (proxyUrl.startsWith('socks')) {
    throw new KubeError('KUBE_CONFIG', 'SOCKS proxies are not supported; use an HTTP proxy-url');
  }
  return new ProxyAgent({ ...pool, uri: proxyUrl, requestTls: { ...tls, timeout: connectMsMax } });
}

type TlsOptions = {
  ca?: SecureContextOptions['ca'];
  cert?: SecureContextOptions['cert'];
  key?: SecureContextOptions['key'];
  passphrase?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
};

const tlsFields = ['ca', 'cert', 'key', 'passphrase', 'servername', 'rejectUnauthorized'] as const;

function tlsOptions(options: RequestOptions): TlsOptions {
  const given = tlsFields.filter((field) => options[field] !== undefined);
  return Object.fromEntries(given.map((field) => [field, options[field]]));
}

function fingerprint(tls: TlsOptions): string {
  const hash = createHash('sha256');
  for (const [field, value] of Object.entries(tls)) {
    const bytes =
      Buffer.isBuffer(value) || typeof value === 'string' ? value : JSON.stringify(value);
    hash.update(`\0${field}\0`).update(bytes);
  }
  return hash.digest('hex');
}
