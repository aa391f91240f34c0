import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createApplier } from '../../operator/src/kube/apply.ts';
import { createClient, type KubeClient } from '../../operator/src/kube/client.ts';
import {
  createController,
  watch,
  type ControllerOptions,
} from '../../operator/src/kube/controller.ts';
import { TerminalError } from '../../operator/src/kube/errors.ts';
import { createInformer, type Informer } from '../../operator/src/kube/informer.ts';
import {
  enqueueController,
  enqueueSelf,
  ownerReferenceTo,
} from '../../operator/src/kube/mapping.ts';
import { noMetrics } from '../../operator/src/kube/metrics.ts';
import { parseKey, type KubeObject, type Manifest } from '../../operator/src/kube/object.ts';
import { builtin, type ResourceType } from '../../operator/src/kube/resource-type.ts';
import { startApiServer, type ApiServer } from '../support/apiserver.ts';

const hashAnnotation = 'example.dev/applied-hash';

type Settings = KubeObject & { data?: Record<string, string> };
type Deployment = KubeObject & {
  spec: {
    replicas: number;
    minReadySeconds?: number;
    template: { spec: { containers: { image: string }[] } };
  };
};

let server: ApiServer;
let admin: KubeClient;
/** Each test has a namespace of its own. */
let namespace: string;

beforeAll(async () => {
  server = await startApiServer();
  admin = createClient({ kubeConfig: server.kubeConfig });
});

afterAll(async () => {
  await admin.close();
  await server.stop();
});

beforeEach(async () => {
  namespace = `ns-${process.hrtime.bigint()}`;
  const metadata = { name: namespace };
  await admin.create(builtin.namespace, { apiVersion: 'v1', kind: 'Namespace', metadata });
});

function informerOf<T extends KubeObject>(client: KubeClient, type: ResourceType): Informer<T> {
  const informer = createInformer<T>({ client, type, namespace });
  onTestFinished(() => informer.stop());
  informer.start();
  return informer;
}

const settings = (data: Record<string, string>): Settings => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'web', namespace },
  data,
});

/** A Deployment as a builder would make it, with values that the server rewrites. */
function deploymentFor(owner: Settings): Manifest {
  const { image = 'web:1', pause } = owner.data ?? {};
  const labels = { app: owner.metadata.name };
  const resources = { requests: { cpu: '1000m', memory: '0.5Gi' } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: owner.metadata.name,
      namespace,
      labels: {},
      ownerReferences: [ownerReferenceTo(owner)],
    },
    spec: {
      ...(pause !== undefined && { minReadySeconds: Number(pause) }),
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [{ name: 'web', image, ports: [{ containerPort: 80 }], env: [], resources }],
        },
      },
    },
  };
}

/** A controller that makes a Deployment of every ConfigMap; its client counts what it sends. */
async function runDeployer(): Promise<{
  client: KubeClient;
  passes: string[];
  deployments: Informer<Deployment>;
}> {
  const client = createClient({ kubeConfig: server.kubeConfig });
  onTestFinished(() => client.close());
  const configMaps = informerOf<Settings>(client, builtin.configMap);
  const deployments = informerOf<Deployment>(client, builtin.deployment);
  const applier = createApplier({ client, fieldManager: 'deployer', hashAnnotation });
  const passes: string[] = [];
  const controller = createController({
    name: 'deployer',
    concurrency: 2,
    watches: [
      watch(configMaps, enqueueSelf),
      watch(deployments, enqueueController(builtin.configMap)),
    ],
    async reconcile(key, signal) {
      const owner = configMaps.get(key);
      if (!owner) return {};
      const { result } = await applier.apply(
        builtin.deployment,
        deploymentFor(owner),
        deployments.get(key),
        signal,
      );
      passes.push(result);
      return {};
    },
  });
  onTestFinished(() => controller.stop());
  await controller.start();
  return { client, passes, deployments };
}

const web = (): Promise<Deployment> =>
  admin.get<Deployment>(builtin.deployment, { name: 'web', namespace });

test('the desired object is made, follows its source, and an idle pass sends nothing', async () => {
  await admin.create(builtin.configMap, settings({ image: 'web:1' }));
  const { client, passes } = await runDeployer();
  await expect.poll(() => passes.at(-1)).toBe('skipped');
  expect(passes[0]).toBe('created');
  const created = await web();
  expect(created.spec.template.spec.containers[0]?.image).toBe('web:1');

  await admin.mergePatch(
    builtin.configMap,
    { name: 'web', namespace },
    { data: { image: 'web:2' } },
  );
  await expect
    .poll(async () => (await web()).spec.template.spec.containers[0]?.image)
    .toBe('web:2');
  await expect.poll(() => passes.at(-1)).toBe('skipped');

  // A change of a field that is not ours causes a pass, and the pass has nothing to send.
  const [sent, done] = [client.requestCounts().apply, passes.length];
  await admin.mergePatch(builtin.deployment, { name: 'web', namespace }, { spec: { replicas: 5 } });
  await expect.poll(() => passes.length).toBeGreaterThan(done);
  expect(passes.slice(done)).toEqual(['skipped']);
  expect(client.requestCounts()).toMatchObject({ apply: sent, create: 0, update: 0, patch: 0 });
  expect((await web()).spec.replicas).toBe(5);
});

test('a field of ours that someone changed is set back, one we stopped sending is removed', async () => {
  await admin.create(builtin.configMap, settings({ image: 'web:1', pause: '7' }));
  const { passes } = await runDeployer();
  await expect.poll(async () => (await web()).spec.minReadySeconds).toBe(7);
  await expect.poll(() => passes.at(-1)).toBe('skipped');

  await admin.mergePatch(
    builtin.deployment,
    { name: 'web', namespace },
    { spec: { minReadySeconds: 99 } },
  );
  await expect.poll(async () => (await web()).spec.minReadySeconds).toBe(7);

  await admin.mergePatch(builtin.configMap, { name: 'web', namespace }, { data: { pause: null } });
  await expect.poll(async () => (await web()).spec.minReadySeconds).toBeUndefined();

  await admin.delete(builtin.deployment, { name: 'web', namespace });
  await expect
    .poll(() => web().catch(() => undefined))
    .toMatchObject({ metadata: { name: 'web' } });
});

test('a controller that starts anew over settled objects sends nothing for them', async () => {
  await admin.create(builtin.configMap, settings({ image: 'web:1' }));
  const first = await runDeployer();
  await expect.poll(() => first.passes.at(-1)).toBe('skipped');
  const second = await runDeployer();
  await expect.poll(() => second.passes.length).toBeGreaterThan(0);
  const { apply } = second.client.requestCounts();
  // `labels: {}` is dropped by the server, so containment alone cannot know: one request settles it.
  expect(apply).toBeLessThanOrEqual(1);
  expect(second.passes.every((result) => result === 'skipped' || result === 'unchanged')).toBe(
    true,
  );
});

test('a creation never writes into an object of somebody else', async () => {
  await admin.create(builtin.configMap, settings({ theirs: 'yes' }));
  const applier = createApplier({ client: admin, fieldManager: 'deployer', hashAnnotation });
  const before = await admin.get(builtin.configMap, { name: 'web', namespace });
  expect(await applier.create(builtin.configMap, settings({ ours: 'yes' }))).toBeUndefined();
  expect(await admin.get(builtin.configMap, { name: 'web', namespace })).toEqual(before);
});

test.each(['as it was noted', 'after somebody took the note away'])(
  'a field that was created and is no longer sent goes, and one of others stays, %s',
  async (how) => {
    await admin.create(builtin.configMap, settings({}));
    const owner = await admin.get<Settings>(builtin.configMap, { name: 'web', namespace });
    const applier = createApplier({ client: admin, fieldManager: 'deployer', hashAnnotation });
    const paused = deploymentFor({ ...owner, data: { pause: '7' } });
    expect(await applier.create(builtin.deployment, paused)).toMatchObject({
      spec: { minReadySeconds: 7, replicas: 1 },
    });
    const scaled = { spec: { replicas: 5 } };
    await admin.mergePatch(builtin.deployment, { name: 'web', namespace }, scaled);
    const settled = await applier.apply(builtin.deployment, paused, await web());
    expect(settled.result).toBe('skipped');

    if (how !== 'as it was noted') {
      const metadata = { annotations: { [hashAnnotation]: null } };
      await admin.mergePatch(builtin.deployment, { name: 'web', namespace }, { metadata });
    }
    const changed = await applier.apply(builtin.deployment, deploymentFor(owner), await web());
    expect(changed.result).toBe('changed');
    expect((await web()).spec).not.toHaveProperty('minReadySeconds');
    expect((await web()).spec.replicas).toBe(5);
    const again = await applier.apply(builtin.deployment, deploymentFor(owner), await web());
    expect(again.result).toBe('skipped');
  },
);

test('status is applied only when it differs', async () => {
  await admin.create(builtin.configMap, settings({}));
  const { client } = await runDeployer();
  await expect.poll(() => web().catch(() => undefined)).toBeDefined();
  const applier = createApplier({ client: admin, fieldManager: 'status', hashAnnotation });
  const status = { observedGeneration: 1, replicas: 3 };
  const live = await web();
  const desired = { ...live, status };
  const first = await applier.applyStatus(builtin.deployment, desired, live);
  expect(first).toMatchObject({ result: 'changed', object: { status } });
  const again = await applier.applyStatus(builtin.deployment, desired, { ...desired, status });
  expect(again.result).toBe('skipped');
  expect(client.requestCounts().patch).toBe(0);
});

/** A controller over ConfigMaps with the given reconciler, and how its passes ended. */
async function run(
  reconcile: ControllerOptions['reconcile'],
  options: Partial<ControllerOptions> = {},
): Promise<string[]> {
  const outcomes: string[] = [];
  const controller = createController({
    name: 'test',
    concurrency: 2,
    reconcile,
    watches: [watch(informerOf<Settings>(admin, builtin.configMap), enqueueSelf)],
    metrics: { ...noMetrics, reconcileDone: (_name, outcome) => void outcomes.push(outcome) },
    ...options,
  });
  onTestFinished(() => controller.stop());
  await controller.start();
  return outcomes;
}

test('errors are retried until the pass succeeds; a terminal one is not; requeueAfterMs comes back', async () => {
  let failures = 3;
  await admin.create(builtin.configMap, settings({}));
  const flaky = await run(async () => {
    if (failures-- > 0) throw new Error('not yet');
    return failures === -1 ? { requeueAfterMs: 20 } : {};
  });
  await expect.poll(() => flaky).toEqual(['error', 'error', 'error', 'requeue_after', 'success']);

  const hopeless = await run(async () => {
    throw new TerminalError('wrong spec');
  });
  await expect.poll(() => hopeless).toEqual(['terminal_error']);
  // A change of the object is what brings it back.
  await admin.mergePatch(builtin.configMap, { name: 'web', namespace }, { data: { fixed: '1' } });
  await expect.poll(() => hopeless).toEqual(['terminal_error', 'terminal_error']);
});

test('one key is never worked on twice at once, but others are', async () => {
  for (const name of ['a', 'b', 'c']) {
    await admin.create(builtin.configMap, { ...settings({}), metadata: { name, namespace } });
  }
  const running: string[] = [];
  const most = { ofAll: 0, ofOne: 0 };
  const outcomes = await run(
    async (key, signal) => {
      running.push(key);
      most.ofAll = Math.max(most.ofAll, running.length);
      most.ofOne = Math.max(most.ofOne, running.filter((one) => one === key).length);
      // Causes a change of the object while it is worked on, and so asks for another pass.
      const data = { passes: String(process.hrtime.bigint()) };
      await admin.mergePatch(builtin.configMap, parseKey(key), { data }, { signal });
      running.splice(running.indexOf(key), 1);
      return {};
    },
    { concurrency: 3 },
  );
  await expect.poll(() => outcomes.length).toBeGreaterThan(30);
  expect(most).toEqual({ ofAll: 3, ofOne: 1 });
});

test('stopping aborts the passes under way and waits for them, within a bound', async () => {
  await admin.create(builtin.configMap, settings({}));
  const told: string[] = [];
  const outcomes: string[] = [];
  const make = (reconcile: ControllerOptions['reconcile']) =>
    createController({
      name: 'test',
      concurrency: 1,
      reconcile,
      watches: [watch(informerOf<Settings>(admin, builtin.configMap), enqueueSelf)],
      limits: { stopMsMax: 200 },
      metrics: { ...noMetrics, reconcileDone: (_name, outcome) => void outcomes.push(outcome) },
    });
  const obedient = make(async (_key, signal) => {
    told.push('began');
    await once(signal, 'abort');
    told.push('ended');
    return {};
  });
  await obedient.start();
  await expect.poll(() => told).toEqual(['began']);
  await obedient.stop();
  expect(told).toEqual(['began', 'ended']);

  const release = Promise.withResolvers<void>();
  const stubborn = make(async () => {
    told.push('stuck');
    await release.promise;
    return {};
  });
  await stubborn.start();
  await expect.poll(() => told).toContain('stuck');
  const askedAtMs = performance.now();
  await stubborn.stop();
  expect(performance.now() - askedAtMs).toBeLessThan(1000);
  release.resolve();
  await expect.poll(() => outcomes).toEqual(['success', 'success']);
});
