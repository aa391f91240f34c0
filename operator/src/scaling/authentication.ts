import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';

/**
 * What the API server publishes for servers behind its aggregator (ConfigMap `extension-apiserver-authentication` in
 * `kube-system`): who may speak for users, and in which headers it names them. Kubernetes documents this as
 * front-proxy or request-header authentication.
 */
export type FrontProxyTrust = {
  /** PEM of the CA that signs the front proxy's client certificate. */
  readonly clientCa: string;
  /** Common names the certificate may carry; none means any. */
  readonly allowedNames: readonly string[];
  readonly usernameHeaders: readonly string[];
  readonly groupHeaders: readonly string[];
  readonly extraHeaderPrefixes: readonly string[];
};

/** The user whom the front proxy authenticated. */
export type Caller = {
  readonly user: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
};

/** The client certificate of a connection; `commonName` is undefined when there is none or no trusted one. */
export type Peer = { readonly trusted: boolean; readonly commonName: string | undefined };

/** Header names in lower case, each with all its values. */
export type Headers = Readonly<Record<string, readonly string[] | undefined>>;

export type Authentication =
  { readonly ok: true; readonly caller: Caller } | { readonly ok: false; readonly message: string };

/** Reads the ConfigMap's data; undefined when the cluster has no aggregation layer configured. */
export function parseFrontProxyTrust(
  data: Readonly<Record<string, string>>,
): FrontProxyTrust | undefined {
  const clientCa = data['requestheader-client-ca-file'] ?? '';
  const usernameHeaders = nameList(data['requestheader-username-headers']);
  if (clientCa === '' || usernameHeaders.length === 0) return undefined;
  return {
    clientCa,
    allowedNames: nameList(data['requestheader-allowed-names']),
    usernameHeaders,
    groupHeaders: nameList(data['requestheader-group-headers']),
    extraHeaderPrefixes: nameList(data['requestheader-extra-headers-prefix']),
  };
}

// Each entry is a JSON list of names, as text.
function nameList(text: string | undefined): readonly string[] {
  const value: unknown = JSON.parse(text === undefined || text === '' ? '[]' : text);
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : [];
}

/** Who asks, if the one on the connection may speak for users; otherwise a sentence of why not. */
export function authenticate(
  trust: FrontProxyTrust | undefined,
  peer: Peer,
  headers: Headers,
): Authentication {
  if (trust === undefined) return refused('This cluster publishes no front-proxy CA');
  if (!peer.trusted || peer.commonName === undefined) {
    return refused('Ask through the API server: only its front-proxy certificate is trusted here');
  }
  if (trust.allowedNames.length > 0 && !trust.allowedNames.includes(peer.commonName)) {
    return refused(`A front proxy of the name "${peer.commonName}" is not allowed`);
  }
  const [user] = valuesOf(headers, trust.usernameHeaders);
  if (user === undefined) return refused('The front proxy named no user');
  return {
    ok: true,
    caller: {
      user,
      groups: valuesOf(headers, trust.groupHeaders),
      extra: extraOf(headers, trust.extraHeaderPrefixes),
    },
  };
}

function refused(message: string): Authentication {
  return { ok: false, message };
}

function valuesOf(headers: Headers, names: readonly string[]): readonly string[] {
  return names.flatMap((name) => headers[name.toLowerCase()] ?? []).filter((value) => value !== '');
}

function extraOf(
  headers: Headers,
  prefixes: readonly string[],
): Readonly<Record<string, readonly string[]>> {
  const extra: Record<string, readonly string[]> = {};
  for (const prefix of prefixes.map((name) => name.toLowerCase())) {
    for (const [name, values = []] of Object.entries(headers)) {
      if (!name.startsWith(prefix)) continue;
      const key = decoded(name.slice(prefix.length));
      extra[key] = [...(extra[key] ?? []), ...values];
    }
  }
  return extra;
}

// The proxy percent-encodes keys that no header name can hold; one that is not encoded is taken as it is.
function decoded(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

/**
 * The client certificate of a request's connection. A certificate must really be there: TLS 1.3 counts a resumed
 * session of a client that never showed one as verified.
 */
export function peerOf(request: IncomingMessage): Peer {
  const socket = request.socket as TLSSocket;
  const certificate = socket.getPeerX509Certificate();
  if (!socket.authorized || certificate === undefined) {
    return { trusted: false, commonName: undefined };
  }
  const { CN } = certificate.toLegacyObject().subject;
  return { trusted: true, commonName: typeof CN === 'string' ? CN : undefined };
}
