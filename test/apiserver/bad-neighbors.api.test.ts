/** Services that cannot be made, and how long those beside them wait for that: not at all. */
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  orderHistorySpec,
  ordersSpec,
  type WrittenSpec,
} from '../../operator/src/api/v1alpha1/example-services.ts';
import { cqrsServiceType, type CqrsService } from '../../operator/src/api/v1alpha1/schema.ts';
import { eventually } from '../support/eventually.ts';
import { listenOnLoopback } from '../support/loopback-port.ts';
import { startOperator, type OperatorProcess } from '../support/operator-process.ts';
import {
  startOperatorWorld,
  tellOnFailure,
  type OperatorWorld,
} from '../support/operator-world.ts';

const childrenOfOrders = 25;
const soonMs = 30_000;
// Far less than a webhook that hangs costs each request, and far more than a busy machine takes.
const goodMsMax = 6000;
const hangSeconds = 20;

let world: OperatorWorld;
let operator: OperatorProcess;
let hanging: Server;

beforeAll(async () => {
  world = await startOperatorWorld();
  operator = await startOperator(world.apiServer.kubeconfigPath);
  hanging = createServer();
});

afterAll(async () => {
  await operator?.stop();
  await world?.stop();
  hanging?.close();
});

/** Lets a webhook have its say on every child that is made in a namespace. */
async function judge(namespace: string, port: number): Promise<void> {
  const webhook = {
    name: `${namespace}.example.dev`,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    timeoutSeconds: hangSeconds,
    clientConfig: { url: `https://127.0.0.1:${port}/` },
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    rules: [
      {
        apiGroups: ['', 'apps'],
        apiVersions: ['v1'],
        resources: ['configmaps', 'secrets', 'services', 'deployments', 'statefulsets'],
        operations: ['CREATE'],
      },
    ],
  };
  await world.admin.request(
    'POST',
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
    {
      body: {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingWebhookConfiguration',
        metadata: { name: namespace },
        webhooks: [webhook],
      },
    },
  );
}

async function createGood(namespace: string): Promise<number> {
  await world.createNamespace(namespace);
  const startedAtMs = performance.now();
  await world.apply({ namespace, name: 'orders' }, ordersSpec);
  await eventually('all children', soonMs, async () => {
    return Object.keys(await world.children(namespace)).length === childrenOfOrders;
  });
  return performance.now() - startedAtMs;
}

const brokenSchema: WrittenSpec = {
  ...ordersSpec,
  aggregates: [{ name: 'order', schema: { type: 'object', properties: { total: { type: 'x' } } } }],
};

async function untilSaid(namespace: string, name: string, reason: string): Promise<void> {
  await eventually(`${name} to say ${reason}`, soonMs, async () => {
    const service = await world.find<CqrsService>(cqrsServiceType, namespace, name);
    return service?.status?.conditions?.some((condition) => condition.reason === reason);
  });
}

test('specs that cannot be carried out hold up nobody', async () => {
  tellOnFailure(operator);
  await world.createNamespace('bad-specs');
  for (let number = 0; number < 10; number += 1) {
    const broken = { namespace: 'bad-specs', name: `broken-${number}` };
    await world.apply(broken, brokenSchema);
    await world.apply({ namespace: 'bad-specs', name: `reads-nobody-${number}` }, orderHistorySpec);
  }
  await untilSaid('bad-specs', 'broken-9', 'SchemaInvalid');
  expect(await createGood('beside-bad-specs')).toBeLessThan(goodMsMax);
});

test('services whose every write fails, and is tried again, hold up nobody', async () => {
  tellOnFailure(operator);
  const port = await listenOnLoopback(createServer((socket) => socket.destroy()).unref());
  await world.createNamespace('failing');
  await judge('failing', port);
  for (let number = 0; number < 10; number += 1) {
    await world.apply({ namespace: 'failing', name: `orders-${number}` }, ordersSpec);
  }
  await eventually('a retry', soonMs, () => operator.output().includes('"failures":3'));
  expect(await createGood('beside-failing')).toBeLessThan(goodMsMax);
});

test('services whose every write hangs hold up nobody', async () => {
  tellOnFailure(operator);
  await world.createNamespace('hanging');
  await judge('hanging', await listenOnLoopback(hanging));
  let connections = 0;
  hanging.on('connection', () => (connections += 1));
  for (let number = 0; number < 3; number += 1) {
    await world.apply({ namespace: 'hanging', name: `orders-${number}` }, ordersSpec);
  }
  await eventually('requests that hang', soonMs, () => connections > 0);
  expect(await createGood('beside-hanging')).toBeLessThan(goodMsMax);
});
