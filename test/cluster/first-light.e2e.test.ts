/**
 * The whole product on a real cluster: helm installs the operator, kubectl applies the examples, commands go in, reads
 * come out, reads scale alone, pods die without a loss, and deletion leaves what deletionPolicy keeps and no more.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { buildImages } from './images/build-images.ts';
import {
  applyExample,
  createNamespace,
  exampleNamespace as namespace,
  exampleServices,
  removeExamples,
  untilReady,
} from '../quickstart/examples.ts';
import {
  chooseCluster,
  deleteCluster,
  openCluster,
  type Cluster,
  type ClusterChoice,
} from '../quickstart/find-cluster.ts';
import {
  helmTest,
  installChart,
  installOperator,
  operatorNamespace,
  uninstallOperator,
} from '../quickstart/install.ts';
import { startLoadPod } from '../quickstart/load-pod.ts';
import { sampleScaling, type ScalingSample } from '../quickstart/scaling.ts';
import {
  exampleOrder,
  examplePayment,
  read,
  send,
  untilVisible,
  write,
  writeWithToken,
} from '../quickstart/traffic.ts';
import { eventually } from '../support/eventually.ts';

const quiet = (): void => undefined;
const soon = { timeoutMs: 60_000, periodMs: 500 };
const longer = { timeoutMs: 240_000, periodMs: 1_000 };

let choice: ClusterChoice;
let cluster: Cluster;
let servicesImage = '';
const urls = { orders: '', ordersQuery: '', payments: '', history: '' };
const closers: (() => void)[] = [];

async function reach(service: string): Promise<string> {
  const { url, close } = await cluster.reach(namespace, service);
  closers.push(close);
  return url;
}

async function names(kinds: string, selector?: string): Promise<string[]> {
  const output = await cluster.kubectl.run([
    'get',
    kinds,
    '-n',
    namespace,
    '-o',
    'name',
    '--ignore-not-found',
    ...(selector === undefined ? [] : ['-l', selector]),
  ]);
  return output
    .split('\n')
    .filter((line) => line !== '')
    .toSorted();
}

async function applyBehavior(rules: string): Promise<void> {
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'sales-behavior' },
    data: { 'order.ts': rules },
  };
  await cluster.kubectl.run(
    ['apply', '-n', namespace, '--server-side', '-f', '-'],
    JSON.stringify(configMap),
  );
}

const everything =
  'deployments,statefulsets,services,configmaps,secrets,poddisruptionbudgets,horizontalpodautoscalers,jobs,pods,persistentvolumeclaims';
const instance = (service: string): string => `app.kubernetes.io/instance=${service}`;

beforeAll(async () => {
  choice = await chooseCluster({
    context: process.env['CQRS_TEST_CONTEXT'],
    once: true,
    keep: false,
    operatorImage: undefined,
    servicesImage: undefined,
  });
  cluster = await openCluster(choice, quiet);
  const images = await buildImages(quiet);
  await cluster.load(images);
  servicesImage = images.services.reference;
  await installOperator(
    cluster,
    Object.fromEntries(Object.entries(images).map(([name, image]) => [name, image.reference])),
  );
  await removeExamples(cluster.kubectl);
  await createNamespace(cluster.kubectl);
  for (const name of exampleServices) await applyExample(cluster.kubectl, name);
  for (const name of exampleServices) await untilReady(cluster.kubectl, name, quiet);
  urls.orders = await reach('orders-command');
  urls.ordersQuery = await reach('orders-query');
  urls.payments = await reach('payments-command');
  urls.history = await reach('order-history-query');
}, 900_000);

afterAll(async () => {
  for (const close of closers) close();
  await removeExamples(cluster.kubectl);
  await uninstallOperator(cluster);
  if (!cluster.existed && choice.kind !== 'given') await deleteCluster(choice.kind, quiet);
}, 300_000);

test('what a command wrote is read back through the query side, by key and by index', async () => {
  const { id } = await write(`${urls.orders}/order`, { ...exampleOrder(1), customerId: 'reader' });
  await untilVisible(`${urls.ordersQuery}/orders/${id}`);
  expect(await read(`${urls.ordersQuery}/orders/${id}`)).toMatchObject({
    id,
    customerId: 'reader',
  });
  expect(
    await read(`${urls.ordersQuery}/orders?customerId=reader&order=-placedAt&limit=5`),
  ).toMatchObject({ items: [{ id }], next: null });
});

test('order-history composes an order with its payments, in whatever order they come', async () => {
  const { id } = await write(`${urls.orders}/order`, exampleOrder(2));
  await write(`${urls.payments}/payment`, examplePayment(id, 12));
  const composed = await eventually(`payment of ${id} in order-history`, soon, async (saw) => {
    const answer = await send('GET', `${urls.history}/order-history/${id}`);
    const body = (await answer.json()) as { payments?: unknown[] };
    saw(JSON.stringify(body));
    return body.payments?.length === 1 && body;
  });
  expect(composed).toMatchObject({ id, payments: [{ orderId: id, amount: 12 }] });
});

test('a read that brings the token of a command sees it at once: by key, in a list, composed', async () => {
  for (let round = 0; round < 20; round += 1) {
    const customerId = `token-${round}`;
    const order = { ...exampleOrder(round), customerId };
    const { id, token } = await writeWithToken(`${urls.orders}/order`, order);
    const reads = [
      `${urls.ordersQuery}/orders/${id}`,
      `${urls.ordersQuery}/orders?customerId=${customerId}&order=-placedAt`,
      `${urls.history}/order-history/${id}`,
    ];
    for (const url of reads) {
      const answer = await fetch(url, {
        headers: { 'consistency-token': token, prefer: 'wait=10, handling=strict' },
      });
      expect({ url, status: answer.status, body: await answer.text() }).toMatchObject({
        status: 200,
        body: expect.stringContaining(id) as string,
      });
    }
  }
});

test('rules in a ConfigMap decide over commands, and a changed rule rolls the command side only', async () => {
  const folder = 'services/examples/order-behavior';
  const rules = await readFile(`${folder}/order.ts`, 'utf8');
  await applyBehavior(rules);
  await cluster.kubectl.run(['apply', '-n', namespace, '-f', `${folder}/service.yaml`]);
  await untilReady(cluster.kubectl, 'sales', quiet);
  const orders = `${await reach('sales-command')}/order`;
  const line = { sku: 'tea', quantity: 2, priceCents: 450 };
  const { id } = await write(`${orders}/-/place`, { customerId: 'c1', lines: [line] });
  expect((await send('POST', `${orders}/${id}/ship`, { carrier: 'pigeon' })).status).toBe(200);
  const refused = await send('POST', `${orders}/${id}/cancel`, { reason: 'changed my mind' });
  expect(refused.status).toBe(422);
  expect(await refused.json()).toMatchObject({ detail: 'The order is on its way; return it.' });
  const view = `${await reach('sales-query')}/orders/${id}`;
  await untilVisible(view);
  const untouched = await names(
    'pods',
    `${instance('sales')},app.kubernetes.io/component!=command`,
  );

  await applyBehavior(rules.replace('The order is on its way; return it.', 'Too late.'));
  await eventually('the changed rule to hold', longer, async (saw) => {
    const answer = await send('POST', `${orders}/${id}/cancel`, { reason: 'still' });
    const { detail } = (await answer.json()) as { readonly detail?: string };
    saw(`${answer.status} ${detail}`);
    return detail === 'Too late.';
  });
  expect(await names('pods', `${instance('sales')},app.kubernetes.io/component!=command`)).toEqual(
    untouched,
  );
}, 400_000);

test('the recovery commands that the conditions name run in the pods they name', async () => {
  const run = async (part: string, program: string): Promise<string> =>
    cluster.kubectl.run([
      'exec',
      '-n',
      namespace,
      `deploy/orders-${part}`,
      '--',
      'node',
      `services/${part}/src/${program}.ts`,
    ]);
  expect(await run('projector', 'retry-halted')).toMatch(/halted/u);
  const { id } = await write(`${urls.orders}/order`, exampleOrder(4));
  expect(await run('relay', 'republish')).toMatch(/publish/u);
  const later = await write(`${urls.orders}/order`, exampleOrder(5));
  for (const key of [id, later.id]) await untilVisible(`${urls.ordersQuery}/orders/${key}`);
  await untilReady(cluster.kubectl, 'orders', quiet);
}, 300_000);

test('a wrong body, an unknown aggregate and an unknown index are refused with what to change', async () => {
  const wrong = await send('POST', `${urls.orders}/order`, { ...exampleOrder(3), total: -1 });
  expect(wrong.status).toBe(400);
  expect(wrong.headers.get('content-type')).toContain('application/problem+json');
  expect(await wrong.json()).toMatchObject({ errors: [{ pointer: '/total' }] });
  expect((await send('POST', `${urls.orders}/parcel`, {})).status).toBe(404);
  const noIndex = await send('GET', `${urls.ordersQuery}/orders?total=3`);
  expect(noIndex.status).toBe(400);
  expect(JSON.stringify(await noIndex.json())).toContain('customerId');
});

test('a wrong CqrsService is refused at admission with a sentence that says what to change', async () => {
  const broken = {
    apiVersion: 'cqrs.dev/v1alpha1',
    kind: 'CqrsService',
    metadata: { name: 'broken' },
  };
  const spec = {
    query: {
      views: [{ name: 'v', sources: [{ service: 'orders', aggregate: 'order' }] }],
      autoscaling: { minReplicas: 5, maxReplicas: 2 },
    },
  };
  await expect(
    cluster.kubectl.run(['apply', '-n', namespace, '-f', '-'], JSON.stringify({ ...broken, spec })),
  ).rejects.toThrow(/minReplicas/u);
});

test('an unknown source service is a condition with a remedy, and nothing restarts over it', async () => {
  const service = {
    apiVersion: 'cqrs.dev/v1alpha1',
    kind: 'CqrsService',
    metadata: { name: 'orphan' },
    spec: {
      deletionPolicy: 'Delete',
      query: { views: [{ name: 'v', sources: [{ service: 'nobody', aggregate: 'thing' }] }] },
    },
  };
  await cluster.kubectl.run(['apply', '-n', namespace, '-f', '-'], JSON.stringify(service));
  const message = await eventually('the condition of the unknown source', longer, async () => {
    const found = await cluster.kubectl.run([
      'get',
      'cqrs',
      'orphan',
      '-n',
      namespace,
      '-o',
      'jsonpath={.status.conditions[?(@.reason=="SourceServiceMissing")].message}',
    ]);
    return found !== '' && found;
  });
  expect(message).toContain('nobody');
  await eventually('its query pod to run all the same', longer, async (saw) => {
    const ready = await cluster.kubectl.run([
      'get',
      'deployment',
      'orphan-query',
      '-n',
      namespace,
      '-o',
      'jsonpath={.status.readyReplicas}',
    ]);
    saw(`ready replicas: ${ready}`);
    return ready === '1';
  });
  const restarts = await cluster.kubectl.run([
    'get',
    'pods',
    '-n',
    namespace,
    '-l',
    instance('orphan'),
    '-o',
    'jsonpath={.items[*].status.containerStatuses[*].restartCount}',
  ]);
  expect(restarts.split(' ').every((count) => count === '0')).toBe(true);
  await cluster.kubectl.run(['delete', 'cqrs', 'orphan', '-n', namespace, '--wait']);
});

test('pods of every kind die while commands go on: no acknowledged command is lost', async () => {
  const acknowledged: string[] = [];
  const stopped = new AbortController();
  const writer = (async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      acknowledged.push(
        (await write(`${urls.orders}/order`, exampleOrder(acknowledged.length))).id,
      );
      await delay(20);
    }
  })();
  for (const part of ['relay', 'command', 'projector', 'query', 'redis', 'postgres']) {
    await cluster.kubectl.run([
      'delete',
      'pod',
      '-n',
      namespace,
      '-l',
      `${instance('orders')},app.kubernetes.io/component=${part}`,
      '--grace-period=0',
      '--force',
      '--wait=false',
    ]);
    const before = acknowledged.length;
    await eventually(`commands to be accepted after ${part} was killed`, longer, (saw) => {
      saw(`${acknowledged.length} accepted`);
      return acknowledged.length > before + 5;
    });
  }
  await cluster.kubectl.run([
    'delete',
    'pod',
    'cqrs-kafka-0',
    '-n',
    namespace,
    '--grace-period=0',
    '--force',
    '--wait=false',
  ]);
  const beforeKafka = acknowledged.length;
  await eventually('commands to be accepted without Kafka', longer, (saw) => {
    saw(`${acknowledged.length} accepted`);
    return acknowledged.length > beforeKafka + 5;
  });
  stopped.abort();
  await writer;
  const missing = new Set(acknowledged);
  await eventually('every acknowledged order to be readable', longer, async (saw) => {
    for (const id of missing) {
      const answer = await send('GET', `${urls.ordersQuery}/orders/${id}`);
      await answer.body?.cancel();
      if (!answer.ok) {
        saw(`${missing.size} of ${acknowledged.length} missing, ${id} answers ${answer.status}`);
        return false;
      }
      missing.delete(id);
    }
    return true;
  });
  expect(missing.size).toBe(0);
}, 600_000);

test('under read load the HPA raises the query replicas, shows the real number, and the command side never moves', async () => {
  const keys: string[] = [];
  for (let n = 0; n < 20; n += 1)
    keys.push((await write(`${urls.orders}/order`, exampleOrder(n))).id);
  await untilVisible(`${urls.ordersQuery}/orders/${keys.at(-1)}`);
  const samples: ScalingSample[] = [await sampleScaling(cluster.kubectl, namespace, 'orders', 0)];
  const before = samples[0];
  const load = await startLoadPod(cluster.kubectl, {
    namespace,
    image: servicesImage,
    url: 'http://orders-query/orders',
    readsPerSecond: 700,
    seconds: 150,
    keys,
  });
  onTestFinished(() => load.stop());
  const startedMs = performance.now();
  const sampleUntil = async (
    what: string,
    reached: (sample: ScalingSample) => boolean,
  ): Promise<unknown> =>
    eventually(what, longer, async (saw) => {
      const sample = await sampleScaling(
        cluster.kubectl,
        namespace,
        'orders',
        performance.now() - startedMs,
      );
      samples.push(sample);
      saw(JSON.stringify(sample));
      return reached(sample);
    });
  await sampleUntil(
    'the HPA to scale the query side out',
    ({ desired, ready }) => desired >= 4 && ready >= 4,
  );
  // The floor scaled it out before the HPA looked at the metric; with its next look it shows it.
  await eventually('kubectl get hpa to show the reads', longer, async (saw) => {
    const shown = await cluster.kubectl.run(['get', 'hpa', 'orders-query', '-n', namespace]);
    saw(shown);
    return /\d+m?\/200 \(avg\)/u.test(shown);
  });
  await load.stop();
  const failed = load.seconds().reduce((sum, second) => sum + second.failed, 0);
  const served = load.seconds().reduce((sum, second) => sum + second.served, 0);
  expect({ failed, served: served > 1_000 }).toEqual({ failed: 0, served: true });
  await sampleUntil(
    'the HPA to scale the query side in',
    ({ desired, ready }) => desired === before?.desired && ready === before.ready,
  );
  expect(new Set(samples.map(({ commandReplicas }) => commandReplicas)).size).toBe(1);
}, 600_000);

test('helm test passes for the operator and for a service installed by its chart', async () => {
  await expect(helmTest(cluster, 'cqrs-operator', operatorNamespace)).resolves.toBeUndefined();
  await installChart(cluster, {
    release: 'notes',
    chart: 'charts/cqrs-service',
    namespace,
    servicesImage,
  });
  await untilReady(cluster.kubectl, 'notes', quiet);
  await expect(helmTest(cluster, 'notes', namespace)).resolves.toBeUndefined();
}, 400_000);

test('deleting a Retain service keeps its volumes and passwords, and creating it again picks the data up', async () => {
  const { id } = await write(`${urls.payments}/payment`, examplePayment('kept', 7));
  await cluster.kubectl.run(['delete', 'cqrs', 'payments', '-n', namespace, '--wait']);
  const kept = await eventually('only volumes and passwords to be left', longer, async (saw) => {
    const left = await names(everything, instance('payments'));
    saw(left.join(', '));
    return left.every((name) => /^(persistentvolumeclaim|secret)\//u.test(name)) && left;
  });
  expect(kept.filter((name) => name.startsWith('secret/')).length).toBeGreaterThan(0);
  expect(kept.filter((name) => name.startsWith('persistentvolumeclaim/')).length).toBeGreaterThan(
    0,
  );
  await applyExample(cluster.kubectl, 'payments');
  await untilReady(cluster.kubectl, 'payments', quiet);
  expect(await read(`${await reach('payments-command')}/payment/${id}`)).toMatchObject({
    orderId: 'kept',
  });
}, 600_000);

test('deleting services with deletionPolicy Delete leaves nothing of them', async () => {
  for (const name of [...exampleServices, 'notes', 'sales']) {
    await cluster.kubectl.run([
      'patch',
      'cqrs',
      name,
      '-n',
      namespace,
      '--type=merge',
      '-p',
      '{"spec":{"deletionPolicy":"Delete"}}',
    ]);
  }
  await cluster.kubectl.run([
    'delete',
    'cqrs',
    '--all',
    '-n',
    namespace,
    '--wait',
    '--timeout=180s',
  ]);
  await eventually('nothing to be left', longer, async (saw) => {
    const left = (await names(everything)).filter(
      (name) =>
        !['configmap/kube-root-ca.crt', 'configmap/read-load', 'configmap/sales-behavior'].includes(
          name,
        ) && !name.includes('sh.helm.release'),
    );
    saw(left.join(', '));
    return left.length === 0;
  });
  expect(await names('persistentvolumeclaims')).toEqual([]);
}, 600_000);
