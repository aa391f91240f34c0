import { readFile, rm, writeFile } from 'node:fs/promises';
import { get, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import { loadKubeConfig } from '../../operator/src/kube/kube-config.ts';
import { ensureTools } from '../cluster/tools/tools.ts';
import { auditFlags, readAuditLog, type AuditEvent } from './audit-log.ts';
import { freePort } from './loopback-port.ts';
import { createCertificate, createSigningKey, type KeyPair } from './certificates.ts';
import { eventually } from './eventually.ts';
import { startChild, temporaryFolder, type Child } from './process.ts';

const readyLimits = { timeoutMs: 90_000, periodMs: 100 };
const outputTailChars = 2000;

type KubeConfig = ReturnType<typeof loadKubeConfig>;

/** A real etcd and kube-apiserver on loopback, with RBAC, aggregation, and no controllers or nodes behind them. */
export type ApiServer = {
  port: number;
  kubeconfigPath: string;
  /** The admin (group system:masters). */
  kubeConfig: KubeConfig;
  /** The admin's kubeconfig with another port, such as a TCP proxy's. */
  kubeConfigVia(port: number): KubeConfig;
  kubectlPath: string;
  /** Writes a kubeconfig of a user whom a bearer token proves, and gives its path. */
  kubeconfigOf(user: string, token: string): Promise<string>;
  /** Every request that was answered so far, in the order of arrival; empty unless started with `audit`. */
  audit(): Promise<readonly AuditEvent[]>;
  /** What the aggregator shows to aggregated API servers, which they must trust. */
  frontProxyCaPath: string;
  /** A certificate for a server on loopback, signed by a CA whose PEM can go into an APIService's caBundle. */
  servingCertificate(name: string): Promise<KeyPair & { caPath: string }>;
  /** The processes: the API server's and etcd's. */
  pids(): readonly number[];
  /** Stops the API server's process without ending it (SIGSTOP), until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends the API server at once; etcd and its data stay. */
  kill(): Promise<void>;
  /** Starts the API server again on the same port and waits until it is ready. */
  restart(): Promise<void>;
  /** Ends both and removes everything. */
  stop(): Promise<void>;
};

/** Starts both, building the binaries first on a machine that has none. Ready means `/readyz` answers 200. */
export async function startApiServer(
  options: { args?: readonly string[]; audit?: boolean } = {},
): Promise<ApiServer> {
  const tools = await ensureTools(['etcd', 'kube-apiserver', 'kubectl'], () => undefined);
  const folder = await temporaryFolder('apiserver');
  const port = await freePort();
  const etcdPort = await freePort();
  const etcdPeerPort = await freePort();
  const pki = await createPki(folder);
  const start = (...command: readonly string[]): Promise<Child> =>
    startChild(command, { cwd: folder });
  const etcd = await start(tools.etcd, ...etcdArgs(folder, etcdPort, etcdPeerPort));
  const command = [
    tools['kube-apiserver'],
    ...apiServerArgs({ port, etcdPort, pki }),
    ...(options.audit ? await auditFlags(folder) : []),
    ...(options.args ?? []),
  ];
  let apiServer = await start(...command);
  const stop = async (): Promise<void> => {
    await apiServer.kill();
    await etcd.kill();
    await rm(folder, { recursive: true, force: true });
  };
  const kubeconfigPath = await writeKubeconfig({ folder, port, pki }, 'admin', {
    'client-certificate-data': await base64(pki.admin.certPath),
    'client-key-data': await base64(pki.admin.keyPath),
  });
  try {
    await untilReady(port, pki, apiServer);
  } catch (error) {
    await stop();
    const said = apiServer.output().slice(-outputTailChars);
    throw new Error(`kube-apiserver did not start:\n${said}`, { cause: error });
  }
  const kubeConfigVia = (viaPort: number): KubeConfig => {
    const loaded = loadKubeConfig({ kubeconfigPath });
    for (const cluster of loaded.getClusters()) {
      Object.assign(cluster, { server: `https://127.0.0.1:${viaPort}` });
    }
    return loaded;
  };

  return {
    port,
    kubeconfigPath,
    kubeConfig: kubeConfigVia(port),
    kubeConfigVia,
    kubectlPath: tools.kubectl,
    kubeconfigOf: (user, token) => writeKubeconfig({ folder, port, pki }, user, { token }),
    audit: () => readAuditLog(folder),
    frontProxyCaPath: pki.frontProxyCa.certPath,
    servingCertificate: (name) => servingCertificate(folder, pki, name),
    pids: () => [apiServer.pid, etcd.pid],
    pause: () => apiServer.signal('SIGSTOP'),
    resume: () => apiServer.signal('SIGCONT'),
    kill: () => apiServer.kill(),
    async restart() {
      await apiServer.kill();
      apiServer = await start(...command);
      await untilReady(port, pki, apiServer);
    },
    stop,
  };
}

type Pki = {
  ca: KeyPair;
  serving: KeyPair;
  admin: KeyPair;
  frontProxyCa: KeyPair;
  frontProxyClient: KeyPair;
  signing: { publicKeyPath: string; privateKeyPath: string };
};

async function createPki(folder: string): Promise<Pki> {
  const ca = await createCertificate(folder, { name: 'ca', subject: '/CN=test-ca' });
  const frontProxyCa = await createCertificate(folder, {
    name: 'front-proxy-ca',
    subject: '/CN=test-front-proxy-ca',
  });
  return {
    ca,
    frontProxyCa,
    serving: await createCertificate(folder, {
      name: 'kube-apiserver',
      subject: '/CN=kube-apiserver',
      issuer: ca,
      alternativeNames: 'IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc',
    }),
    admin: await createCertificate(folder, {
      name: 'admin',
      subject: '/O=system:masters/CN=admin',
      issuer: ca,
    }),
    frontProxyClient: await createCertificate(folder, {
      name: 'front-proxy-client',
      subject: '/CN=front-proxy-client',
      issuer: frontProxyCa,
    }),
    signing: await createSigningKey(folder),
  };
}

function etcdArgs(folder: string, clientPort: number, peerPort: number): string[] {
  const client = `http://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    // The data lives as long as the test: nothing here must survive a power cut.
    '--unsafe-no-fsync',
    '--log-level=error',
  ];
}

function apiServerArgs(of: { port: number; etcdPort: number; pki: Pki }): string[] {
  const { port, etcdPort, pki } = of;
  return [
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    // Loopback is no valid endpoint address, so the Service `kubernetes` stays without endpoints.
    '--endpoint-reconciler-type=none',
    `--secure-port=${port}`,
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--tls-cert-file=${pki.serving.certPath}`,
    `--tls-private-key-file=${pki.serving.keyPath}`,
    `--client-ca-file=${pki.ca.certPath}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki.signing.publicKeyPath}`,
    `--service-account-signing-key-file=${pki.signing.privateKeyPath}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    // No controller creates the default service accounts that this plugin would ask for.
    '--disable-admission-plugins=ServiceAccount',
    '--enable-aggregator-routing=true',
    `--requestheader-client-ca-file=${pki.frontProxyCa.certPath}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${pki.frontProxyClient.certPath}`,
    `--proxy-client-key-file=${pki.frontProxyClient.keyPath}`,
  ];
}

async function base64(path: string): Promise<string> {
  return (await readFile(path)).toString('base64');
}

async function servingCertificate(
  folder: string,
  { ca }: Pki,
  name: string,
): Promise<KeyPair & { caPath: string }> {
  const pair = await createCertificate(folder, {
    name,
    subject: `/CN=${name}`,
    issuer: ca,
    alternativeNames: `IP:127.0.0.1,DNS:localhost,DNS:${name}`,
  });
  return { ...pair, caPath: ca.certPath };
}

type User = Readonly<Record<string, string>>;

async function writeKubeconfig(
  of: { folder: string; port: number; pki: Pki },
  name: string,
  user: User,
): Promise<string> {
  const cluster = {
    server: `https://127.0.0.1:${of.port}`,
    'certificate-authority-data': await base64(of.pki.ca.certPath),
  };
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster }],
    users: [{ name, user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: name } }],
  };
  const path = join(of.folder, `${name}.kubeconfig`);
  await writeFile(path, JSON.stringify(kubeconfig));
  return path;
}

async function untilReady(port: number, pki: Pki, child: Child): Promise<void> {
  const credentials = {
    ca: await readFile(pki.ca.certPath),
    cert: await readFile(pki.admin.certPath),
    key: await readFile(pki.admin.keyPath),
  };
  await eventually('kube-apiserver to be ready', readyLimits, async () => {
    if (!child.running()) throw new Error('kube-apiserver ended');
    return (await getStatus({ port, path: '/readyz', ...credentials })) === 200;
  });
}

/** The HTTP status of a GET on loopback; 0 when there is no answer. */
function getStatus(options: RequestOptions): Promise<number> {
  return new Promise((resolve) => {
    get({ ...options, host: '127.0.0.1', agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    }).on('error', () => resolve(0));
  });
}
