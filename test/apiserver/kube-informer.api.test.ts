import { createServer, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createClient, type KubeClient } from '../../operator/src/kube/client.ts';
import {
  createInformer,
  type Informer,
  type InformerOptions,
} from '../../operator/src/kube/informer.ts';
import { loadKubeConfig } from '../../operator/src/kube/kube-config.ts';
import { noMetrics } from '../../operator/src/kube/metrics.ts';
import { objectKey, type KubeObject } from '../../operator/src/kube/object.ts';
import { builtin } from '../../operator/src/kube/resource-type.ts';
import { startApiServer, type ApiServer } from '../support/apiserver.ts';
import { listenOnLoopback } from '../support/loopback-port.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

type ConfigMap = KubeObject & { data?: Record<string, string> };

const catchUpMsMax = 10_000;

let server: ApiServer;
let proxy: TcpProxy;
let admin: KubeClient;
/** Each test has a namespace of its own. */
let namespace: string;

beforeAll(async () => {
  server = await startApiServer();
  proxy = await startTcpProxy(server);
  admin = createClient({ kubeConfig: server.kubeConfig });
});

afterAll(async () => {
  await admin.close();
  await proxy.stop();
  await server.stop();
});

beforeEach(async () => {
  proxy.accept();
  namespace = `ns-${process.hrtime.bigint()}`;
  const metadata = { name: namespace };
  await admin.create(builtin.namespace, { apiVersion: 'v1', kind: 'Namespace', metadata });
});

type Watched = {
  informer: Informer<ConfigMap>;
  client: KubeClient;
  /** `added a`, `deleted b` and so on, in order. */
  changes: string[];
  relists: string[];
  reconnects: string[];
};

function watchConfigMaps(options: Partial<InformerOptions<ConfigMap>> = {}): Watched {
  const client = options.client ?? createClient({ kubeConfig: server.kubeConfigVia(proxy.port) });
  const relists: string[] = [];
  const reconnects: string[] = [];
  const changes: string[] = [];
  const informer = createInformer<ConfigMap>({
    client,
    type: builtin.configMap,
    namespace,
    metrics: {
      ...noMetrics,
      informerRelist: (_resource, reason) => void relists.push(reason),
      informerReconnect: (_resource, reason) => void reconnects.push(reason),
    },
    ...options,
  });
  informer.onChange(({ type, object }) => void changes.push(`${type} ${object.metadata.name}`));
  onTestFinished(async () => {
    await informer.stop();
    await client.close();
  });
  informer.start();
  return { informer, client, changes, relists, reconnects };
}

const put = async (name: string, data: Record<string, string> = {}, labels = {}): Promise<void> => {
  const metadata = { name, namespace, labels };
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
  await admin.apply(builtin.configMap, object, { fieldManager: 'test' });
};
const remove = (name: string): Promise<void> =>
  admin.delete(builtin.configMap, { name, namespace });

const versions = (objects: readonly KubeObject[]): string[] =>
  objects.map((object) => `${objectKey(object)} ${object.metadata.resourceVersion}`).toSorted();

/** The cache equals the server, soon. */
async function expectCaughtUp({ informer }: Watched): Promise<void> {
  const { items } = await admin.list(builtin.configMap, { namespace });
  await expect
    .poll(() => versions(informer.list()), { timeout: catchUpMsMax, interval: 20 })
    .toEqual(versions(items));
}

test('the cache begins whole and follows every change', async () => {
  await put('a', { colour: 'red' });
  await put('b');
  const watched = watchConfigMaps();
  expect(watched.informer.isSynced()).toBe(false);
  await watched.informer.synced;
  expect(versions(watched.informer.list())).toHaveLength(2);
  expect(watched.informer.get(`${namespace}/a`)).toMatchObject({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    data: { colour: 'red' },
  });
  expect(watched.informer.get(`${namespace}/a`)?.metadata).not.toHaveProperty('managedFields');
  await put('a', { colour: 'blue' });
  await put('c');
  await remove('b');
  await expectCaughtUp(watched);
  expect(watched.changes).toEqual(['added a', 'added b', 'updated a', 'added c', 'deleted b']);
  // One stream gave it all: nothing was listed and nothing broke.
  expect(watched.client.requestCounts()).toMatchObject({ watch: 1, list: 0 });
  expect(watched.informer.health().lastContactAtMs).toBeGreaterThan(Date.now() - 60_000);
});

test('selectors narrow the cache; what leaves the selection is deleted from it', async () => {
  await put('in', {}, { pick: 'me' });
  await put('out');
  const watched = watchConfigMaps({ labelSelector: 'pick=me' });
  await watched.informer.synced;
  expect(watched.informer.list().map((object) => object.metadata.name)).toEqual(['in']);
  await put('in', {}, {});
  await expect.poll(() => watched.changes).toEqual(['added in', 'deleted in']);
});

test('indexes find objects by what they hold, and a handler that throws harms nobody', async () => {
  const indexers = { colour: (object: ConfigMap) => Object.values(object.data ?? {}) };
  const watched = watchConfigMaps({ indexers });
  watched.informer.onChange(() => {
    throw new Error('a handler may fail');
  });
  await watched.informer.synced;
  await put('a', { colour: 'red' });
  await put('b', { colour: 'red' });
  await put('a', { colour: 'blue' });
  await expectCaughtUp(watched);
  const named = (colour: string): string[] =>
    watched.informer.byIndex('colour', colour).map((object) => object.metadata.name);
  expect({ red: named('red'), blue: named('blue') }).toEqual({ red: ['b'], blue: ['a'] });
});

/** Without resourceVersionMatch the server refuses the parameter, as one without the feature does (422). */
function withoutWatchList(direct: KubeClient): KubeClient {
  return {
    ...direct,
    watch: (path, query, signal, accept) =>
      direct.watch(
        path,
        query['sendInitialEvents'] ? { ...query, resourceVersionMatch: undefined } : query,
        signal,
        accept,
      ),
  };
}

test.each(['streamed', 'listed'])('of metadata alone, %s, no content is held', async (how) => {
  const direct = createClient({ kubeConfig: server.kubeConfig });
  const client = how === 'listed' ? withoutWatchList(direct) : direct;
  await put('a', { colour: 'red' });
  const watched = watchConfigMaps({ client, metadataOnly: true });
  await watched.informer.synced;
  await put('b', { colour: 'blue' });
  await put('a', { colour: 'green' });
  await expectCaughtUp(watched);
  const held = watched.informer
    .list()
    .toSorted((one, other) => (objectKey(one) < objectKey(other) ? -1 : 1));
  expect(held.map(({ metadata, ...rest }) => [metadata.name, rest])).toEqual([
    ['a', { apiVersion: 'v1', kind: 'ConfigMap' }],
    ['b', { apiVersion: 'v1', kind: 'ConfigMap' }],
  ]);
  expect(watched.changes).toEqual(['added a', 'added b', 'updated a']);
});

test('without WatchList the collection is listed page by page', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) await put(name);
  const direct = createClient({ kubeConfig: server.kubeConfig });
  const refusing = withoutWatchList(direct);
  const watched = watchConfigMaps({ client: refusing, limits: { pageObjectsMax: 2 } });
  await watched.informer.synced;
  await put('f');
  await remove('a');
  await expectCaughtUp(watched);
  expect(direct.requestCounts()).toMatchObject({ list: 3, watch: 2 });
});

test('cut connections lose no change', async () => {
  const watched = watchConfigMaps();
  await watched.informer.synced;
  for (let round = 0; round < 10; round += 1) {
    await put(`a-${round}`);
    proxy.cut();
    await put(`b-${round}`);
    await remove(`a-${round}`);
  }
  await expectCaughtUp(watched);
  expect(watched.changes.filter((change) => change.startsWith('deleted'))).toHaveLength(10);
  expect(watched.reconnects.length).toBeGreaterThan(0);
  expect(watched.relists).toEqual([]);
});

test('a connection that died without a word is noticed by its silence', async () => {
  const watched = watchConfigMaps({ limits: { watchSilenceMsMax: 1000 } });
  await watched.informer.synced;
  await put('a');
  await expectCaughtUp(watched);
  proxy.stall();
  await put('b');
  await remove('a');
  await expectCaughtUp(watched);
  expect(watched.reconnects).toContain('Silent');
});

test('after 410 the cache starts over and tells of deletions it did not see', async () => {
  await put('gone');
  await put('kept');
  await put('remade');
  const watched = watchConfigMaps();
  await watched.informer.synced;
  proxy.refuse();
  await server.restart();
  // The restarted server's watch cache begins after these, so the old resource version is no longer served.
  await remove('gone');
  await remove('remade');
  await put('remade');
  await put('new');
  await server.restart();
  proxy.accept();
  await expectCaughtUp(watched);
  expect(watched.relists).toEqual(['Expired']);
  const sinceThen = watched.changes.slice(3);
  expect(sinceThen.toSorted()).toEqual([
    'added new',
    'added remade',
    'deleted gone',
    'deleted remade',
  ]);
  expect(sinceThen.indexOf('deleted remade')).toBeLessThan(sinceThen.indexOf('added remade'));
});

test('a server that was away for ten seconds is caught up with within seconds', async () => {
  await put('a');
  await put('b');
  const watched = watchConfigMaps();
  await watched.informer.synced;
  await server.kill();
  await sleep(10_000);
  await server.restart();
  await remove('a');
  await put('c');
  const backAtMs = performance.now();
  await expectCaughtUp(watched);
  expect(performance.now() - backAtMs).toBeLessThan(6000);
  expect(watched.changes).toContain('deleted a');
});

const event = (type: string, resourceVersion: string, annotations = {}): string =>
  JSON.stringify({
    type,
    object: { metadata: { name: 'a', uid: 'u', resourceVersion, annotations } },
  });

test('malformed lines and ERROR events reconnect where the watch stood', async () => {
  const asked: (string | null)[] = [];
  const whole = event('BOOKMARK', '5', { 'k8s.io/initial-events-end': 'true' });
  const answers = [
    `${event('ADDED', '4')}\n${whole}\n${event('MODIFIED', '6')}\n{"type":"MODI\n`,
    `${event('MODIFIED', '7')}\n{"type":"ERROR","object":{"code":500,"reason":"InternalError"}}\n`,
    `${event('DELETED', '8')}\n`,
  ];
  const open = new Set<ServerResponse>();
  const http = createServer(({ url = '' }, response) => {
    asked.push(new URL(url, 'http://server').searchParams.get('resourceVersion'));
    response.write(answers.shift() ?? '\n');
    open.add(response);
  });
  const port = await listenOnLoopback(http);
  onTestFinished(() => {
    open.forEach((response) => response.destroy());
    http.close();
  });
  const kubeConfig = loadKubeConfig(server);
  const cluster = { name: 'plain', server: `http://127.0.0.1:${port}`, skipTLSVerify: true };
  kubeConfig.loadFromClusterAndUser(cluster, { name: 'nobody' });
  const watched = watchConfigMaps({ client: createClient({ kubeConfig }) });
  await expect
    .poll(() => watched.changes, { timeout: catchUpMsMax })
    .toEqual(['added a', 'updated a', 'updated a', 'deleted a']);
  expect(asked).toEqual([null, '6', '7']);
  expect(watched.reconnects).toEqual(['KUBE_RESPONSE_INVALID', 'InternalError']);
});
