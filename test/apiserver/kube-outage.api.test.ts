/**
 * The API server goes away for half a minute while informers watch it, and gives answers that a real one gives rarely.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createClient, type KubeClient } from '../../operator/src/kube/client.ts';
import { createInformer, type Informer } from '../../operator/src/kube/informer.ts';
import { loadKubeConfig } from '../../operator/src/kube/kube-config.ts';
import { noMetrics } from '../../operator/src/kube/metrics.ts';
import type { KubeObject, Manifest } from '../../operator/src/kube/object.ts';
import { builtin, type ResourceType } from '../../operator/src/kube/resource-type.ts';
import { eventually } from '../support/eventually.ts';
import { startApiServer, type ApiServer } from '../support/apiserver.ts';
import { listenOnLoopback } from '../support/loopback-port.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const namespace = 'default';
const outageMs = 30_000;
// What a reconnect waits at most (5 s), and what a machine with other work may add.
const catchUpMsMax = 10_000;
// Each informer tries at most every 200 ms to 5 s, and every 2 s on average once its backoff has grown.
const triesPerInformerMax = 30;

let server: ApiServer;
let proxy: TcpProxy;
let admin: KubeClient;

beforeAll(async () => {
  server = await startApiServer();
  proxy = await startTcpProxy(server);
  admin = createClient({ kubeConfig: server.kubeConfig });
});

afterAll(async () => {
  await admin?.close();
  await proxy?.stop();
  await server?.stop();
});

type Watched = {
  readonly informer: Informer<KubeObject>;
  /** `deleted a` and so on, in order. */
  readonly changes: string[];
  readonly relists: string[];
  readonly reconnects: string[];
};

function watchOn(client: KubeClient, type: ResourceType): Watched {
  const watched = { changes: [] as string[], relists: [] as string[], reconnects: [] as string[] };
  const informer = createInformer<KubeObject>({
    client,
    type,
    namespace,
    metrics: {
      ...noMetrics,
      informerRelist: (_resource, reason) => void watched.relists.push(reason),
      informerReconnect: (_resource, reason) => void watched.reconnects.push(reason),
    },
  });
  informer.onChange(({ type: how, object }) => {
    watched.changes.push(`${how} ${object.metadata.name}`);
  });
  onTestFinished(() => informer.stop());
  informer.start();
  return { informer, ...watched };
}

const configMap = (name: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
});

const versions = (objects: readonly KubeObject[]): readonly string[] =>
  objects.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`).toSorted();

test('an API server that was away for 30 s costs a few tries each, and no change is missed', async () => {
  const types = [
    builtin.configMap,
    builtin.secret,
    builtin.service,
    builtin.pod,
    builtin.deployment,
    builtin.statefulSet,
    builtin.podDisruptionBudget,
    builtin.horizontalPodAutoscaler,
    builtin.job,
    builtin.lease,
  ];
  const client = createClient({ kubeConfig: server.kubeConfigVia(proxy.port) });
  onTestFinished(() => client.close());
  for (const name of ['stays', 'goes', 'goes-and-comes']) {
    await admin.create(builtin.configMap, configMap(name));
  }
  const all = types.map((type) => watchOn(client, type));
  await Promise.all(all.map(({ informer }) => informer.synced));
  const [watched] = all;
  if (watched === undefined) throw new Error('nothing is watched');
  const before = { opened: proxy.opened(), watches: client.requestCounts().watch };

  await server.kill();
  await sleep(outageMs);
  const during = client.requestCounts().watch - before.watches;
  await server.restart();
  await admin.delete(builtin.configMap, { name: 'goes', namespace });
  await admin.delete(builtin.configMap, { name: 'goes-and-comes', namespace });
  await admin.create(builtin.configMap, configMap('goes-and-comes'));
  await admin.create(builtin.configMap, configMap('new'));

  const backAtMs = performance.now();
  const { items } = await admin.list(builtin.configMap, { namespace });
  await expect
    .poll(() => versions(watched.informer.list()), { timeout: catchUpMsMax, interval: 20 })
    .toEqual(versions(items));
  const caughtUpMs = performance.now() - backAtMs;
  expect(watched.changes).toContain('deleted goes');
  expect(watched.changes).toContain('deleted goes-and-comes');
  expect(watched.changes.filter((change) => change.startsWith('deleted'))).toHaveLength(2);

  // All watch again, and then it is quiet. A starting server accepts a connection before it can answer a watch, so
  // an open connection alone is no sign that its informer is done trying.
  const quietMs = 3000;
  let last = { tries: -1, atMs: 0 };
  await eventually('watches that none tries again', quietMs + catchUpMsMax, (saw) => {
    const tries = client.requestCounts().watch;
    const nowMs = performance.now();
    if (tries !== last.tries) last = { tries, atMs: nowMs };
    saw(`${proxy.open()} connections, ${tries} tries`);
    return proxy.open() === types.length && nowMs - last.atMs >= quietMs;
  });
  const figures = {
    triesDuring: during,
    connections: proxy.opened() - before.opened,
    caughtUpMs: Math.round(caughtUpMs),
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  expect(during).toBeGreaterThan(types.length);
  expect(during).toBeLessThan(types.length * triesPerInformerMax);
  expect(figures.connections).toBeLessThan(types.length * triesPerInformerMax);
}, 120_000);

type Asked = {
  readonly atMs: number;
  /** `initial` asks for the whole collection on the stream, `list` for it in an answer, else where to go on. */
  readonly from: string;
};

type Play = (answer: ServerResponse) => void;

/** A client of a played API server that gives these answers in turn and is silent after the last. */
async function played(answers: readonly Play[]): Promise<{ client: KubeClient; asked: Asked[] }> {
  const left = [...answers];
  const asked: Asked[] = [];
  const http = createServer(({ url = '' }: IncomingMessage, answer) => {
    const query = new URL(url, 'http://played').searchParams;
    const initial = query.get('sendInitialEvents') === 'true' ? 'initial' : 'list';
    asked.push({ atMs: performance.now(), from: query.get('resourceVersion') ?? initial });
    (left.shift() ?? (() => answer.write('\n')))(answer);
  });
  const port = await listenOnLoopback(http);
  const kubeConfig = loadKubeConfig(server);
  kubeConfig.loadFromClusterAndUser(
    { name: 'played', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'nobody' },
  );
  const client = createClient({ kubeConfig });
  onTestFinished(async () => {
    await client.close();
    http.closeAllConnections();
    http.close();
  });
  return { client, asked };
}

const event = (type: string, name: string, resourceVersion: string, annotations = {}): string =>
  `${JSON.stringify({
    type,
    object: { metadata: { name, namespace, uid: name, resourceVersion, annotations } },
  })}\n`;
const whole = (resourceVersion: string): string =>
  event('BOOKMARK', '', resourceVersion, { 'k8s.io/initial-events-end': 'true' });
const gone = '{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"too old"}}\n';

const says =
  (text: string): Play =>
  (answer) =>
    answer.write(text);
const ends =
  (text: string): Play =>
  (answer) =>
    answer.end(text);
const refuses =
  (status: number, headers: Readonly<Record<string, string>> = {}): Play =>
  (answer) =>
    answer.writeHead(status, headers).end('{"reason":"Played","message":"played"}');

test('after 410 and then 500 the cache starts over from the stream, and tells what is gone', async () => {
  const { client, asked } = await played([
    says(event('ADDED', 'a', '1') + event('ADDED', 'b', '2') + whole('3') + gone),
    refuses(500),
    refuses(500),
    says(event('ADDED', 'b', '7') + event('ADDED', 'c', '8') + whole('9')),
  ]);
  const { informer, changes, relists, reconnects } = watchOn(client, builtin.configMap);
  const names = (): readonly string[] => informer.list().map(({ metadata }) => metadata.name);
  await expect
    .poll(() => changes.slice(2).toSorted(), { timeout: catchUpMsMax })
    .toEqual(['added c', 'deleted a', 'updated b']);
  expect(names().toSorted()).toEqual(['b', 'c']);
  expect(asked.map(({ from }) => from)).toEqual(['initial', 'initial', 'initial', 'initial']);
  expect(relists).toEqual(['Expired']);
  expect(reconnects).toEqual(['Played', 'Played']);
});

test('a stream that ends before the collection is whole changes nothing, and the next is asked for', async () => {
  const { client, asked } = await played([
    says(event('ADDED', 'a', '1') + whole('3') + gone),
    ends(event('ADDED', 'b', '5')),
    // An empty list as Go writes it.
    (answer) => answer.end('{"metadata":{"resourceVersion":"6"},"items":null}'),
    says(gone),
    says(event('ADDED', 'c', '8') + whole('9')),
  ]);
  const { changes } = watchOn(client, builtin.configMap);
  await expect
    .poll(() => changes, { timeout: catchUpMsMax })
    .toEqual(['added a', 'deleted a', 'added c']);
  // It was listed once, and the stream is not given up for good.
  expect(asked.map(({ from }) => from)).toEqual(['initial', 'initial', 'list', '6', 'initial']);
});

test('a busy server is asked again when it said, not before', async () => {
  const { client, asked } = await played([
    refuses(429, { 'retry-after': '2' }),
    says(event('ADDED', 'a', '1') + whole('3') + event('MODIFIED', 'a', '4')),
  ]);
  const { changes, reconnects } = watchOn(client, builtin.configMap);
  await expect.poll(() => changes, { timeout: catchUpMsMax }).toEqual(['added a', 'updated a']);
  const [first, second] = asked.map(({ atMs }) => atMs);
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(1950);
  expect(reconnects).toEqual(['Played']);
});

test('a watch that breaks off at once each time is opened ever less often', async () => {
  const { client, asked } = await played([
    says(event('ADDED', 'a', '1') + whole('3') + gone),
    ...Array.from({ length: 500 }, () => ends('')),
  ]);
  watchOn(client, builtin.configMap);
  await sleep(10_000);
  expect(asked.length).toBeGreaterThan(3);
  expect(asked.length).toBeLessThan(triesPerInformerMax);
}, 30_000);
