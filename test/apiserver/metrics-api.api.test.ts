/**
 * The metrics API behind a real API server's aggregator: certificate, trust, who may ask, and what is answered.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request, type RequestOptions } from 'node:https';
import { networkInterfaces, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createClient, type KubeClient } from '../../operator/src/kube/client.ts';
import { silentLogger } from '../../operator/src/kube/logger.ts';
import type { KubeObject, Manifest } from '../../operator/src/kube/object.ts';
import { builtin } from '../../operator/src/kube/resource-type.ts';
import type { ApiService } from '../../operator/src/scaling/api-service.ts';
import { measuredReads, type ReadDemand } from '../../operator/src/scaling/demand.ts';
import { createMetricsApi, type MetricsApi } from '../../operator/src/scaling/metrics-api.ts';
import { startApiServer, type ApiServer } from '../support/apiserver.ts';
import { createCertificate } from '../support/certificates.ts';
import { runCommand } from '../terminal/run-command.ts';

const namespace = 'cqrs-system';
const serviceName = 'cqrs-operator';
const apiServiceName = 'v1beta2.custom.metrics.k8s.io';
const groupPath = '/apis/custom.metrics.k8s.io/v1beta2';
const metricPath = `${groupPath}/namespaces/shop/cqrsservices.cqrs.dev/orders/reads-per-second`;
const autoscaler = 'system:serviceaccount:kube-system:horizontal-pod-autoscaler';
const bound = { timeout: 30_000, interval: 100 };

let apiServer: ApiServer;
let admin: KubeClient;
let demand: ReadDemand;
const replicas: MetricsApi[] = [];

beforeAll(async () => {
  apiServer = await startApiServer();
  admin = createClient({ kubeConfig: apiServer.kubeConfig });
  await admin.create(builtin.namespace, manifest('v1', 'Namespace', { name: namespace }));
});

afterEach(async () => {
  await Promise.all(replicas.splice(0).map((replica) => replica.stop()));
  for (const name of [apiServiceName, 'v1beta1.custom.metrics.k8s.io']) {
    await admin.delete(builtin.apiService, { name }).catch(() => undefined);
  }
  for (const [type, name] of [
    [builtin.service, serviceName],
    [builtin.endpointSlice, serviceName],
    [builtin.secret, `${serviceName}-serving-cert`],
  ] as const) {
    await admin.delete(type, { namespace, name }).catch(() => undefined);
  }
});

afterAll(async () => {
  await admin?.close();
  await apiServer?.stop();
});

function manifest(
  apiVersion: string,
  kind: string,
  metadata: KubeObject['metadata'],
  rest: Readonly<Record<string, unknown>> = {},
): Manifest {
  return { apiVersion, kind, metadata, ...rest };
}

/** An address that an EndpointSlice may hold: the API refuses loopback. */
function hostAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const address = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  if (address === undefined) throw new Error('This machine has no address beside loopback');
  return address;
}

function startReplica(isLeader = true): MetricsApi {
  const replica = createMetricsApi({
    client: admin,
    namespace,
    serviceName,
    port: 0,
    measure: {
      'reads-per-second': () => measuredReads(demand),
      'events-behind': () => ({
        state: 'fresh',
        value: 120_000,
        windowSeconds: 5,
        atMs: Date.now(),
      }),
    },
    isLeader: () => isLeader,
    logger: silentLogger,
  });
  replica.start();
  replicas.push(replica);
  return replica;
}

async function untilServing(replica: MetricsApi): Promise<number> {
  return vi.waitFor(() => {
    const port = replica.port();
    if (port === undefined) throw new Error('it does not listen');
    return port;
  }, bound);
}

async function createApiService(version: string, service: string): Promise<ApiService> {
  const group = 'custom.metrics.k8s.io';
  const spec = {
    group,
    version,
    service: { namespace, name: service, port: 443 },
    groupPriorityMinimum: 100,
    versionPriority: 1,
  };
  const name = `${version}.${group}`;
  return (await admin.create(
    builtin.apiService,
    manifest('apiregistration.k8s.io/v1', 'APIService', { name }, { spec }),
  )) as unknown as ApiService;
}

/** Service and EndpointSlice as a cluster would make them for the operator's pod, here for this process. */
async function createService(port: number): Promise<void> {
  const ports = [{ name: 'metrics-api', port: 443, targetPort: 6443 }];
  await admin.create(
    builtin.service,
    manifest('v1', 'Service', { name: serviceName, namespace }, { spec: { ports } }),
  );
  await admin.create(
    builtin.endpointSlice,
    manifest(
      'discovery.k8s.io/v1',
      'EndpointSlice',
      { name: serviceName, namespace, labels: { 'kubernetes.io/service-name': serviceName } },
      {
        addressType: 'IPv4',
        ports: [{ name: 'metrics-api', port, protocol: 'TCP' }],
        endpoints: [{ addresses: [hostAddress()], conditions: { ready: true } }],
      },
    ),
  );
}

async function startAvailable(): Promise<{ replica: MetricsApi; port: number }> {
  await createApiService('v1beta2', serviceName);
  const replica = startReplica();
  const port = await untilServing(replica);
  await createService(port);
  await vi.waitFor(() => expect(replica.apiService()).toEqual({ state: 'ours' }), bound);
  return { replica, port };
}

type Result = { ok: boolean; output: string };

async function kubectl(args: readonly string[]): Promise<Result> {
  const all = [`--kubeconfig=${apiServer.kubeconfigPath}`, '--request-timeout=20s', ...args];
  const { code, output } = await runCommand(apiServer.kubectlPath, all, {
    timeoutMs: bound.timeout,
  });
  return { ok: code === 0, output };
}

const getAs = (user: string, path: string): Promise<Result> =>
  kubectl(['get', '--raw', path, `--as=${user}`]);

const fresh = (readsPerSecond: number): ReadDemand => ({
  state: 'fresh',
  readsPerSecond,
  atMs: Date.now(),
});

test('the autoscaler reads the metric through the API server, a stranger is forbidden', async () => {
  demand = fresh(812.5);
  await startAvailable();

  const seen = await getAs(autoscaler, metricPath);
  expect(seen).toMatchObject({ ok: true });
  expect(JSON.parse(seen.output)).toMatchObject({
    kind: 'MetricValueList',
    items: [
      {
        describedObject: { kind: 'CqrsService', namespace: 'shop', name: 'orders' },
        metric: { name: 'reads-per-second' },
        value: '812500m',
      },
    ],
  });

  const forbidden = await getAs('mallory', metricPath);
  expect(forbidden.ok).toBe(false);
  expect(forbidden.output).toContain('Error from server (Forbidden)');
});

test('the autoscaler of the projector reads how far behind views are', async () => {
  await startAvailable();
  const behind = metricPath.replace('reads-per-second', 'events-behind');
  const answer = await getAs(autoscaler, behind);
  expect(JSON.parse(answer.output)).toMatchObject({
    items: [{ metric: { name: 'events-behind' }, value: '120000' }],
  });
});

test('kubectl finds the metrics by discovery', async () => {
  demand = fresh(1);
  await startAvailable();
  const group = await kubectl(['get', '--raw', '/apis/custom.metrics.k8s.io']);
  expect(JSON.parse(group.output)).toMatchObject({ preferredVersion: { version: 'v1beta2' } });
  const resources = await kubectl(['get', '--raw', groupPath]);
  expect(JSON.parse(resources.output)).toMatchObject({
    resources: [
      { name: 'cqrsservices.cqrs.dev/reads-per-second', verbs: ['get'] },
      { name: 'cqrsservices.cqrs.dev/events-behind', verbs: ['get'] },
    ],
  });
  await vi.waitFor(async () => {
    const { output } = await kubectl(['api-versions']);
    expect(output).toContain('custom.metrics.k8s.io/v1beta2\n');
  }, bound);
});

test('without a fresh number the autoscaler is told why, never an old number', async () => {
  demand = fresh(100);
  await startAvailable();
  expect(await getAs(autoscaler, metricPath)).toMatchObject({ ok: true });

  demand = { state: 'stale', message: 'Only 0 of 2 ready query pods told their reads' };
  const stale = await getAs(autoscaler, metricPath);
  expect(stale.ok).toBe(false);
  expect(stale.output).toContain('Only 0 of 2 ready query pods told their reads');

  demand = { state: 'unknown', message: 'No CqrsService shop/orders with query pods is known' };
  expect((await getAs(autoscaler, metricPath)).output).toContain(
    'Error from server (NotFound): No CqrsService shop/orders with query pods is known',
  );

  const elsewhere = metricPath.replace('reads-per-second', 'writes-per-second');
  expect((await kubectl(['get', '--raw', elsewhere])).output).toContain('NotFound');
});

type Direct = { status: number; body: string };

/** Asks the metrics API itself, past the API server. */
function ask(port: number, path: string, options: RequestOptions = {}): Promise<Direct> {
  return new Promise((resolve, reject) => {
    request(
      {
        host: '127.0.0.1',
        port,
        path,
        agent: false,
        rejectUnauthorized: false,
        ...options,
      },
      (answer) => {
        let body = '';
        answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      },
    )
      .on('error', reject)
      .end();
  });
}

/** Fingerprint of the certificate that new connections are shown. */
async function servedCertificate(port: number): Promise<string | undefined> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const fingerprint = socket.getPeerX509Certificate()?.fingerprint256;
  socket.destroy();
  return fingerprint;
}

const asMaster = { 'x-remote-user': 'system:admin', 'x-remote-group': 'system:masters' };

test('who comes past the API server is nobody, whatever the headers claim', async () => {
  demand = fresh(1);
  const { port } = await startAvailable();
  expect(await ask(port, '/healthz')).toEqual({ status: 200, body: '"ok"' });

  const unknown = await ask(port, metricPath, { headers: asMaster });
  expect(unknown.status).toBe(401);
  expect(JSON.parse(unknown.body)).toMatchObject({
    kind: 'Status',
    reason: 'Unauthorized',
    message: 'Ask through the API server: only its front-proxy certificate is trusted here',
  });

  const folder = await mkdtemp(join(tmpdir(), 'cqrs-stranger-'));
  const stranger = await createCertificate(folder, {
    name: 'stranger',
    subject: '/CN=front-proxy-client',
  });
  const credentials = {
    cert: readFileSync(stranger.certPath),
    key: readFileSync(stranger.keyPath),
  };
  await rm(folder, { recursive: true });
  expect((await ask(port, metricPath, { headers: asMaster, ...credentials })).status).toBe(401);
});

test('the front proxy may ask for users, and each only for what the user may', async () => {
  demand = fresh(1);
  const { port } = await startAvailable();
  const folder = dirname(apiServer.frontProxyCaPath);
  const asUser = (user: string, ...groups: string[]): RequestOptions => ({
    cert: readFileSync(join(folder, 'front-proxy-client.crt')),
    key: readFileSync(join(folder, 'front-proxy-client.key')),
    headers: { 'x-remote-user': user, 'x-remote-group': groups },
  });
  const forbidden = await ask(port, metricPath, asUser('mallory', 'system:authenticated'));
  expect(forbidden.status).toBe(403);
  expect(JSON.parse(forbidden.body)).toMatchObject({
    reason: 'Forbidden',
    message: `User "mallory" may not get ${metricPath}`,
  });
  const statusOf = async (path: string, options: RequestOptions): Promise<number> =>
    (await ask(port, path, options)).status;
  expect(await statusOf(metricPath, asUser(autoscaler))).toBe(200);
  expect(await statusOf(metricPath, asUser('root', 'people', 'system:masters'))).toBe(200);
  expect(await statusOf(metricPath, asUser(''))).toBe(401);
  expect(await statusOf(groupPath, asUser('mallory'))).toBe(200);
  expect(await statusOf('/openapi/v2', asUser('mallory'))).toBe(404);
  expect(await statusOf(metricPath, { ...asUser(autoscaler), method: 'DELETE' })).toBe(405);
});

test('a resumed TLS session of a client without a certificate is not taken for a verified one', async () => {
  demand = fresh(1);
  const { port } = await startAvailable();
  const open = (session?: Buffer): TLSSocket =>
    connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...(session && { session }) });
  const first = open();
  const sessions = once(first, 'session') as Promise<[Buffer]>;
  expect(await ask(port, '/healthz', { createConnection: () => first })).toMatchObject({
    status: 200,
  });
  const [session] = await sessions;

  const resumed = open(session);
  const answer = await ask(port, metricPath, {
    createConnection: () => resumed,
    headers: asMaster,
  });
  expect(resumed.isSessionReused()).toBe(true);
  expect(answer.status).toBe(401);
});

test('replicas that do not lead serve the certificate of the one that does', async () => {
  demand = fresh(1);
  const follower = startReplica(false);
  const { replica } = await startAvailable();
  const port = await untilServing(follower);
  expect(port).not.toBe(replica.port());
  const secret = await admin.get<KubeObject & { data: Record<string, string> }>(builtin.secret, {
    namespace,
    name: `${serviceName}-serving-cert`,
  });
  const ca = Buffer.from(secret.data['ca.crt'] ?? '', 'base64').toString();
  const verified = { ca, rejectUnauthorized: true, servername: `${serviceName}.${namespace}.svc` };
  expect(await ask(port, '/healthz', verified)).toMatchObject({ status: 200 });
});

test('a lost Secret is made anew and trusted anew, and no request in between fails', async () => {
  demand = fresh(1);
  const { replica, port } = await startAvailable();
  const secretRef = { namespace, name: `${serviceName}-serving-cert` };
  const before = await admin.get<ApiService>(builtin.apiService, { name: apiServiceName });
  const servedBefore = await servedCertificate(port);
  await admin.delete(builtin.secret, secretRef);

  const deadlineMs = performance.now() + bound.timeout;
  const answers: Result[] = [];
  while ((await servedCertificate(port)) === servedBefore && performance.now() < deadlineMs) {
    answers.push(await getAs(autoscaler, metricPath));
  }
  answers.push(await getAs(autoscaler, metricPath));
  expect(answers.length).toBeGreaterThan(2);
  expect(answers.filter(({ ok }) => !ok)).toEqual([]);
  expect(await servedCertificate(port)).not.toBe(servedBefore);
  await admin.get(builtin.secret, secretRef);
  const after = await admin.get<ApiService>(builtin.apiService, { name: apiServiceName });
  expect(after.spec.caBundle).not.toBe(before.spec.caBundle);
  expect(after.spec).toEqual({ ...before.spec, caBundle: after.spec.caBundle });
  expect(replica.apiService()).toEqual({ state: 'ours' });
});

test('an APIService of another adapter is left untouched and told of', async () => {
  demand = fresh(1);
  const before = await createApiService('v1beta2', 'prometheus-adapter');
  const replica = startReplica();
  await untilServing(replica);
  await vi.waitFor(
    () =>
      expect(replica.apiService()).toMatchObject({
        state: 'foreign',
        message: expect.stringContaining(`Service ${namespace}/prometheus-adapter`) as string,
      }),
    bound,
  );
  const after = await admin.get<ApiService>(builtin.apiService, { name: apiServiceName });
  expect(after.spec).toEqual(before.spec);
  const managers = (after.metadata as { managedFields?: { manager: string }[] }).managedFields;
  expect(managers?.map(({ manager }) => manager)).not.toContain(
    'cqrs-operator/serving-certificate',
  );
});

test('another adapter for another version of the group is told of as well', async () => {
  demand = fresh(1);
  const { replica } = await startAvailable();
  await createApiService('v1beta1', 'prometheus-adapter');
  await vi.waitFor(() => expect(replica.apiService()).toMatchObject({ state: 'foreign' }), bound);
});

test('a cluster without the APIService is told how to get it', async () => {
  demand = fresh(1);
  const replica = startReplica();
  await untilServing(replica);
  await vi.waitFor(() => expect(replica.apiService()).toMatchObject({ state: 'absent' }), bound);
});
