import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import {
  createClient,
  type ClientOptions,
  type KubeClient,
} from '../../operator/src/kube/client.ts';
import { systemClock } from '../../operator/src/kube/clock.ts';
import { loadKubeConfig } from '../../operator/src/kube/kube-config.ts';
import type { Manifest } from '../../operator/src/kube/object.ts';
import { builtin } from '../../operator/src/kube/resource-type.ts';
import { startApiServer, type ApiServer } from '../support/apiserver.ts';
import { listenOnLoopback } from '../support/loopback-port.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let server: ApiServer;
let proxy: TcpProxy;
let folder: string;

beforeAll(async () => {
  server = await startApiServer();
  proxy = await startTcpProxy(server);
  folder = await mkdtemp(join(tmpdir(), 'kube-client-'));
});

afterAll(async () => {
  await proxy.stop();
  await server.stop();
  await rm(folder, { recursive: true });
});

afterEach(() => proxy.accept());

function clientFor(options: Partial<ClientOptions> = {}): KubeClient {
  const client = createClient({ kubeConfig: server.kubeConfigVia(proxy.port), ...options });
  onTestFinished(() => client.close());
  return client;
}

const configMap = (name: string, data: Record<string, string> = { colour: 'red' }) =>
  ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default' },
    data,
  }) satisfies Manifest;

test('200 requests one after the other share at most two connections', async () => {
  const client = clientFor();
  const before = proxy.opened();
  for (let sent = 0; sent < 200; sent += 1)
    await client.get(builtin.namespace, { name: 'default' });
  expect(proxy.opened() - before).toBeLessThanOrEqual(2);
  expect(client.requestCounts()).toMatchObject({ get: 200, list: 0 });
});

test('an object is created, read, listed, applied, patched and deleted', async () => {
  const client = clientFor();
  const ref = { name: 'life', namespace: 'default' };
  await client.create(builtin.configMap, {
    ...configMap('life'),
    metadata: { ...ref, labels: { of: 'life' } },
  });
  const read = async (): Promise<unknown> =>
    (await client.get<ReturnType<typeof configMap>>(builtin.configMap, ref)).data;
  expect(await read()).toEqual({ colour: 'red' });
  const fieldManager = 'test';
  await client.apply(builtin.configMap, configMap('life', { size: '1' }), { fieldManager });
  expect(await read()).toEqual({ colour: 'red', size: '1' });
  await client.apply(builtin.configMap, configMap('life', {}), { fieldManager });
  expect(await read()).toEqual({ colour: 'red' });
  await client.mergePatch(builtin.configMap, ref, { data: { colour: null, shape: 'round' } });
  expect(await read()).toEqual({ shape: 'round' });
  await client.jsonPatch(builtin.configMap, ref, [
    { op: 'replace', path: '/data/shape', value: 'flat' },
  ]);
  const listed = await client.list(builtin.configMap, {
    namespace: 'default',
    labelSelector: 'of=life',
  });
  expect(listed.items).toMatchObject([{ data: { shape: 'flat' } }]);
  await client.delete(builtin.configMap, ref, { propagationPolicy: 'Background' });
  await expect(client.get(builtin.configMap, ref)).rejects.toMatchObject({
    code: 'KUBE_STATUS',
    status: 404,
    reason: 'NotFound',
    isNotFound: true,
  });
  expect(client.requestCounts()).toEqual({
    get: 5,
    list: 1,
    watch: 0,
    create: 1,
    update: 0,
    apply: 2,
    patch: 2,
    delete: 1,
  });
});

test('status is applied apart from the object', async () => {
  const client = clientFor();
  const pdb: Manifest = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'budget', namespace: 'default' },
    spec: { maxUnavailable: 1, selector: {} },
  };
  await client.create(builtin.podDisruptionBudget, pdb);
  const { apiVersion, kind, metadata } = pdb;
  const counts = { currentHealthy: 4, desiredHealthy: 1, disruptionsAllowed: 1, expectedPods: 4 };
  const status = { apiVersion, kind, metadata, status: counts };
  await client.patchStatus(builtin.podDisruptionBudget, status, { fieldManager: 'test' });
  expect(await client.get(builtin.podDisruptionBudget, metadata)).toMatchObject({
    metadata: { generation: 1 },
    status: counts,
  });
});

test.each([
  ['an object that exists', { isAlreadyExists: true, isConflict: false }, configMap('twice')],
  ['an invalid object', { isInvalid: true, reason: 'Invalid' }, configMap('UPPER')],
])('%s is refused with its reason', async (_what, expected, object) => {
  const client = clientFor();
  await client.create(builtin.configMap, configMap('twice')).catch(() => undefined);
  await expect(client.create(builtin.configMap, object)).rejects.toMatchObject(expected);
});

test('an update of an outdated object is a conflict', async () => {
  const client = clientFor();
  const first = await client.create(builtin.configMap, configMap('outdated'));
  const path = '/api/v1/namespaces/default/configmaps/outdated';
  await client.request('PUT', path, { body: { ...first, data: {} } });
  await expect(
    client.request('PUT', path, { body: { ...first, data: { late: '1' } } }),
  ).rejects.toMatchObject({
    isConflict: true,
    isAlreadyExists: false,
  });
});

test('a kept connection that broke meanwhile costs a reader nothing', async () => {
  const client = clientFor();
  await client.get(builtin.namespace, { name: 'default' });
  proxy.cut();
  await expect(client.get(builtin.namespace, { name: 'default' })).resolves.toBeDefined();
});

test('a server that cannot be reached is coded, with its cause', async () => {
  const client = clientFor();
  proxy.refuse();
  await expect(client.get(builtin.namespace, { name: 'default' })).rejects.toMatchObject({
    code: 'KUBE_UNREACHABLE',
    status: 0,
    cause: expect.any(Error),
  });
});

test('a silent server costs no more than the time bound', async () => {
  const client = clientFor({ limits: { requestMsMax: 500 } });
  server.pause();
  onTestFinished(() => server.resume());
  const askedAtMs = performance.now();
  await expect(client.get(builtin.namespace, { name: 'default' })).rejects.toMatchObject({
    code: 'KUBE_TIMEOUT',
  });
  expect(performance.now() - askedAtMs).toBeLessThan(2000);
});

test('the caller may abort a request and a watch', async () => {
  const client = clientFor();
  await expect(
    client.get(builtin.namespace, { name: 'default' }, AbortSignal.abort()),
  ).rejects.toMatchObject({ code: 'KUBE_ABORTED' });
  const stopping = new AbortController();
  const lines = client.watch('/api/v1/namespaces', { watch: true }, stopping.signal);
  const received: string[] = [];
  const watching = (async () => {
    for await (const line of lines) {
      received.push(line);
      if (line.includes('"default"')) stopping.abort();
    }
  })();
  await expect(watching).rejects.toMatchObject({ code: 'KUBE_ABORTED' });
  expect(received.length).toBeGreaterThan(0);
});

test('leaving a watch closes its connection', async () => {
  const client = clientFor();
  const before = proxy.open();
  for await (const line of client.watch(
    '/api/v1/namespaces',
    { watch: true },
    new AbortController().signal,
  )) {
    expect(line).toContain('ADDED');
    break;
  }
  await expect.poll(() => proxy.open()).toBe(before);
});

test('an answer over the size bound is refused', async () => {
  const client = clientFor({ limits: { responseBytesMax: 1000 } });
  await expect(client.list(builtin.clusterRole)).rejects.toMatchObject({
    code: 'KUBE_RESPONSE_TOO_LARGE',
  });
});

/** A client of a plain HTTP server, for answers that a real API server does not give on demand. */
async function clientOf(
  answer: RequestListener,
  options: Partial<ClientOptions> = {},
): Promise<KubeClient> {
  const http = createServer(answer);
  const port = await listenOnLoopback(http);
  onTestFinished(() => void http.close());
  const kubeConfig = loadKubeConfig(server);
  kubeConfig.loadFromClusterAndUser(
    { name: 'plain', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'nobody' },
  );
  return clientFor({ kubeConfig, ...options });
}

test('Retry-After is obeyed', async () => {
  const arrivedAtMs: number[] = [];
  const client = await clientOf((_request, response) => {
    arrivedAtMs.push(performance.now());
    const busy = arrivedAtMs.length === 1;
    response.writeHead(busy ? 429 : 200, busy ? { 'retry-after': '1' } : {}).end('{"items":[]}');
  });
  expect(await client.list(builtin.pod)).toEqual({ items: [] });
  const [first = 0, second = 0] = arrivedAtMs;
  expect(second - first).toBeGreaterThanOrEqual(950);
});

test('a server that stays busy is given up after the bounded number of attempts', async () => {
  const client = await clientOf(
    (_request, response) => response.writeHead(429, { 'retry-after': '3600' }).end('too many'),
    { limits: { attemptsMax: 3, retryAfterMsMax: 20 } },
  );
  await expect(client.list(builtin.pod)).rejects.toMatchObject({
    status: 429,
    retryAfterMs: 3_600_000,
    message: expect.stringContaining('too many'),
  });
  expect(client.requestCounts().list).toBe(3);
});

test('an answer that is not JSON is coded', async () => {
  const client = await clientOf((_request, response) => response.end('<html>'));
  await expect(client.list(builtin.pod)).rejects.toMatchObject({ code: 'KUBE_RESPONSE_INVALID' });
});

test('a context is chosen by name, and an unknown one is an error that lists those there are', () => {
  const kubeconfigPath = server.kubeconfigPath;
  expect(loadKubeConfig({ kubeconfigPath, context: 'test' }).getCurrentContext()).toBe('test');
  expect(() => loadKubeConfig({ kubeconfigPath, context: 'other' })).toThrow(/it has: test/);
  expect(() => loadKubeConfig({ kubeconfigPath: join(folder, 'none') })).toThrow(
    expect.objectContaining({ code: 'KUBE_CONFIG' }),
  );
});

test('in a pod the service account is used, and a renewed token or CA is picked up', async () => {
  const admin = clientFor();
  await admin.create(builtin.serviceAccount, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'pod', namespace: 'default' },
  });
  const issued = await admin.request<{ status: { token: string } }>(
    'POST',
    '/api/v1/namespaces/default/serviceaccounts/pod/token',
    { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } },
  );
  const ca = Buffer.from(server.kubeConfig.getCurrentCluster()?.caData ?? '', 'base64');
  const otherCa = await readFile(server.frontProxyCaPath);
  const mount = join(folder, 'var/run/secrets/kubernetes.io/serviceaccount');
  await mkdir(mount, { recursive: true });
  await writeFile(join(mount, 'token'), 'outdated');
  await writeFile(join(mount, 'ca.crt'), ca);
  await writeFile(join(mount, 'namespace'), 'default');
  vi.stubEnv('KUBERNETES_SERVICE_HOST', '127.0.0.1');
  vi.stubEnv('KUBERNETES_SERVICE_PORT', String(server.port));
  onTestFinished(() => void vi.unstubAllEnvs());
  const kubeConfig = loadKubeConfig(server);
  kubeConfig.loadFromCluster(folder);
  let passedMs = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + passedMs };
  const client = clientFor({ kubeConfig, clock });
  const whoAmI = async (): Promise<string> => {
    const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    type Review = { status: { userInfo: { username: string } } };
    return (await client.request<Review>('POST', path, { body })).status.userInfo.username;
  };

  expect(client.namespace).toBe('default');
  await expect(whoAmI()).rejects.toMatchObject({ status: 401 });
  await writeFile(join(mount, 'token'), `${issued.status.token}\n`);
  expect(await whoAmI()).toBe('system:serviceaccount:default:pod');

  await writeFile(join(mount, 'ca.crt'), otherCa);
  expect(await whoAmI()).toBe('system:serviceaccount:default:pod');
  passedMs += 60_000;
  await expect(whoAmI()).rejects.toMatchObject({ code: 'KUBE_UNREACHABLE' });
  await writeFile(join(mount, 'ca.crt'), ca);
  passedMs += 60_000;
  expect(await whoAmI()).toBe('system:serviceaccount:default:pod');
});
