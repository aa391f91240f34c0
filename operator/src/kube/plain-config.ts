import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Cluster, Context, KubeConfig, User } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { KubeError } from './errors.ts';

/** The part of client-node's KubeConfig by which the runtime finds the API server and obtains credentials. */
export type ClusterAccess = Pick<
  KubeConfig,
  | 'getCurrentCluster'
  | 'getCurrentUser'
  | 'getCurrentContext'
  | 'getContextObject'
  | 'applyToHTTPSOptions'
>;

type Wanted = { readonly kubeconfigPath?: string; readonly context?: string };

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Finds the cluster as `loadKubeConfig` does. Service accounts and kubeconfigs with certificates or tokens are read
 * here; client-node, which costs a process 60 MB, is loaded only for what is rarer: exec plugins, providers of
 * credentials, several files at once, and to say what is wrong with a file.
 */
export async function openKubeConfig(wanted: Wanted = {}): Promise<ClusterAccess> {
  const path = wanted.kubeconfigPath ?? process.env['KUBECONFIG'] ?? fileOfHome();
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (path === undefined && host !== undefined && wanted.context === undefined) {
    return serviceAccount(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`);
  }
  const plain = path === undefined ? undefined : plainConfig(path, wanted.context);
  if (plain !== undefined) return plain;
  const { loadKubeConfig } = await import('./kube-config.ts');
  return loadKubeConfig(wanted);
}

function fileOfHome(): string | undefined {
  const path = join(homedir(), '.kube', 'config');
  return existsSync(path) ? path : undefined;
}

function serviceAccount(server: string): ClusterAccess {
  const namespaceFile = join(serviceAccountFolder, 'namespace');
  return access({
    cluster: {
      name: 'pod',
      server,
      caFile: join(serviceAccountFolder, 'ca.crt'),
      skipTLSVerify: false,
    },
    user: {
      name: 'pod',
      authProvider: {
        name: 'tokenFile',
        config: { tokenFile: join(serviceAccountFolder, 'token') },
      },
    },
    context: {
      name: 'pod',
      cluster: 'pod',
      user: 'pod',
      ...(existsSync(namespaceFile) && { namespace: readFileSync(namespaceFile, 'utf8').trim() }),
    },
  });
}

type Fields = Readonly<Record<string, unknown>>;
type Named = { readonly name: string } & Fields;
type File = {
  readonly 'current-context'?: string;
  readonly clusters?: readonly Named[];
  readonly users?: readonly Named[];
  readonly contexts?: readonly Named[];
};

/** What the parts of a kubeconfig may hold for it to be plain. */
const plainFields = {
  cluster: [
    'server',
    'certificate-authority',
    'certificate-authority-data',
    'insecure-skip-tls-verify',
    'tls-server-name',
    'proxy-url',
  ],
  user: ['client-certificate', 'client-certificate-data', 'client-key', 'client-key-data', 'token'],
  context: ['cluster', 'user', 'namespace'],
} as const;

/** The access that a kubeconfig gives; undefined when it is not there, not plain or not whole. */
function plainConfig(path: string, wantedContext: string | undefined): ClusterAccess | undefined {
  const parts = chosenParts(readYaml(path), wantedContext);
  const server = text(parts?.cluster['server']);
  if (parts === undefined || server === undefined) return undefined;
  const { name, context, cluster, user } = parts;
  const names = { cluster: String(context['cluster']), user: String(context['user']) };
  return access({
    context: { name, ...names, ...given('namespace', context['namespace']) },
    cluster: {
      name: names.cluster,
      server,
      skipTLSVerify: cluster['insecure-skip-tls-verify'] === true,
      ...given('caData', cluster['certificate-authority-data']),
      ...givenFile('caFile', cluster['certificate-authority'], path),
      ...given('tlsServerName', cluster['tls-server-name']),
      ...given('proxyUrl', cluster['proxy-url']),
    },
    user: {
      name: names.user,
      ...given('certData', user['client-certificate-data']),
      ...givenFile('certFile', user['client-certificate'], path),
      ...given('keyData', user['client-key-data']),
      ...givenFile('keyFile', user['client-key'], path),
      ...given('token', user['token']),
    },
  });
}

function chosenParts(file: File | undefined, wantedContext: string | undefined) {
  const name = wantedContext ?? file?.['current-context'];
  const context = partOf(file?.contexts, name, 'context');
  const cluster = partOf(file?.clusters, context?.['cluster'], 'cluster');
  const user = partOf(file?.users, context?.['user'], 'user');
  return name && context && cluster && user ? { name, context, cluster, user } : undefined;
}

type Given<Key extends string> = Readonly<Partial<Record<Key, string>>>;

function given<const Key extends string>(key: Key, value: unknown): Given<Key> {
  const found = text(value);
  return (found === undefined ? {} : { [key]: found }) as Given<Key>;
}

/** Files are named from the folder of the kubeconfig. */
function givenFile<const Key extends string>(key: Key, value: unknown, path: string): Given<Key> {
  const file = text(value);
  return given(key, file && resolve(dirname(path), file));
}

function readYaml(path: string): File | undefined {
  try {
    return parse(readFileSync(path, 'utf8')) as File;
  } catch {
    // client-node reads it again and says what is wrong.
    return undefined;
  }
}

function partOf(
  list: readonly Named[] | undefined,
  name: unknown,
  what: keyof typeof plainFields,
): Fields | undefined {
  const fields = list?.find((one) => one.name === name)?.[what] as Fields | undefined;
  const known: readonly string[] = plainFields[what];
  const isPlain = fields && Object.keys(fields).every((field) => known.includes(field));
  return isPlain === true ? fields : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

type Parts = { readonly cluster: Cluster; readonly user: User; readonly context: Context };

function access({ cluster, user, context }: Parts): ClusterAccess {
  return {
    getCurrentCluster: () => cluster,
    getCurrentUser: () => user,
    getCurrentContext: () => context.name,
    getContextObject: () => context,
    applyToHTTPSOptions: async (options) => applyTo(options, cluster, user),
  };
}

async function applyTo(options: RequestOptions, cluster: Cluster, user: User): Promise<void> {
  const [ca, cert, key] = await Promise.all([
    bytes(cluster.caFile, cluster.caData),
    bytes(user.certFile, user.certData),
    bytes(user.keyFile, user.keyData),
  ]);
  Object.assign(options, {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(cluster.skipTLSVerify && { rejectUnauthorized: false }),
    ...(cluster.tlsServerName !== undefined && { servername: cluster.tlsServerName }),
    ...(user.token !== undefined && { headers: { Authorization: `Bearer ${user.token}` } }),
  });
}

async function bytes(
  path: string | undefined,
  base64: string | undefined,
): Promise<Buffer | undefined> {
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  try {
    return path === undefined ? undefined : await readFile(path);
  } catch (cause) {
    throw new KubeError('KUBE_CONFIG', `${path} cannot be read`, { cause });
  }
}
