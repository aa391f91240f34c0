/**
 * What a burst of reads does to the query Deployment, with Kubernetes' own HPA controller at work and its period of 15 s
 * untouched. The pods are played: they answer /status and nothing runs.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ordersSpec } from '../../operator/src/api/v1alpha1/example-services.ts';
import { cqrsServiceType, type CqrsService } from '../../operator/src/api/v1alpha1/schema.ts';
import type { KubeObject } from '../../operator/src/kube/object.ts';
import { builtin } from '../../operator/src/kube/resource-type.ts';
import { startControllers } from '../support/controller-manager.ts';
import { eventually } from '../support/eventually.ts';
import { startOperator, type OperatorProcess } from '../support/operator-process.ts';
import {
  startOperatorWorld,
  tellOnFailure,
  type OperatorWorld,
} from '../support/operator-world.ts';
import { playReader, type PlayedReader } from '../support/played-reader.ts';
import type { Child } from '../support/process.ts';

const namespace = 'burst';
const soonMs = 30_000;
const readsPerPod = 100;
const operatorArgs = ['--pod-status=direct'];

let world: OperatorWorld;
let controllers: Child;
let operator: OperatorProcess;
let reader: PlayedReader;

beforeAll(async () => {
  world = await startOperatorWorld();
  controllers = await startControllers(world.apiServer, ['horizontal-pod-autoscaler-controller']);
  operator = await startOperator(world.apiServer.kubeconfigPath, operatorArgs);
  await world.createNamespace(namespace);
  const autoscaling = {
    minReplicas: 1,
    maxReplicas: 10,
    readsPerSecond: readsPerPod,
    scaleDownSeconds: 0,
  };
  const spec = { ...ordersSpec, query: { ...ordersSpec.query, autoscaling } };
  await world.apply({ namespace, name: 'orders' }, spec);
  await eventually('the HPA and its target', soonMs, async () => {
    const deployments = await world.admin.list(builtin.deployment, { namespace });
    const names = deployments.items.map((found) => found.metadata.name);
    return names.includes('orders-query') && (await floor());
  });
  reader = await playReader(world.admin, {
    namespace,
    address: '127.77.8.1',
    readsPerSecond: readsPerPod * 0.8,
  });
});

afterAll(async () => {
  await reader?.stop();
  await operator?.stop();
  await controllers?.kill();
  await world?.stop();
});

type Autoscaler = KubeObject & { spec: { minReplicas: number } };
type Deployment = KubeObject & { spec: { replicas: number } };
type EventObject = KubeObject & { reason: string; note: string };

const floor = async (): Promise<number | undefined> =>
  (await world.find<Autoscaler>(builtin.horizontalPodAutoscaler, namespace, 'orders-query'))?.spec
    .minReplicas;
const deployment = (name: string): Promise<Deployment> =>
  world.admin.get<Deployment>(builtin.deployment, { namespace, name });
const status = async (): Promise<CqrsService['status']> =>
  (await world.admin.get<CqrsService>(cqrsServiceType, { namespace, name: 'orders' })).status;

test('a burst raises the floor at once, and the HPA follows long before its period is over', async () => {
  tellOnFailure(operator);
  await eventually('the steady reads to be known', soonMs, async () => {
    const { readsPerSecond = 0 } = (await status())?.query ?? {};
    return readsPerSecond > 70 && readsPerSecond < 100;
  });
  const command = await deployment('orders-command');
  const projector = await deployment('orders-projector');
  expect(await floor()).toBe(1);
  expect((await status())?.query?.burst).toBeUndefined();

  reader.setRate(readsPerPod * 8);
  const risenMs = performance.now();
  await eventually('the query Deployment to be scaled', soonMs, async () => {
    return (await deployment('orders-query')).spec.replicas > 1;
  });
  const scaledMs = performance.now() - risenMs;
  process.stdout.write(`the HPA scaled ${Math.round(scaledMs)} ms after the step\n`);
  // A period of the HPA is 15 s, so less than a third of it is the floor's doing.
  expect(scaledMs).toBeLessThan(5_000);
  // On a busy machine samples are noisy, so what is kept may be a pod more than the reads need.
  const kept = await eventually('pods for all the reads', soonMs, async () => {
    const { replicas } = (await deployment('orders-query')).spec;
    return replicas >= 8 && replicas === (await floor()) && replicas;
  });
  const burst = await eventually('the status', soonMs, async () => {
    const found = (await status())?.query?.burst;
    return found?.replicas === kept && found;
  });
  expect(burst.readsPerSecond).toBeGreaterThan(600);
  const note = await eventually('an Event', soonMs, async () => {
    const { items } = await world.admin.list<EventObject>(builtin.event, { namespace });
    return items.find(({ reason }) => reason === 'BurstStarted')?.note;
  });
  expect(note).toMatch(
    /^Reads burst to \d+ per second: the autoscaler keeps at least \d query pods\.$/,
  );

  // Only the reads grew.
  expect((await deployment('orders-command')).metadata.generation).toBe(
    command.metadata.generation,
  );
  expect((await deployment('orders-projector')).metadata.generation).toBe(
    projector.metadata.generation,
  );
}, 120_000);

test('another operator keeps the floor that it finds, and lets it sink when the burst is over', async () => {
  const kept = (await floor()) ?? 0;
  expect(kept).toBeGreaterThanOrEqual(8);
  await operator.stop();
  operator = await startOperator(world.apiServer.kubeconfigPath, operatorArgs);
  tellOnFailure(operator);
  const passes = await eventually('a first pass', soonMs, () => operator.passes());
  reader.setRate(0);
  await eventually('further passes', soonMs, async () => (await operator.passes()) > passes + 1);
  expect(await floor()).toBe(kept);
  const lower = await eventually('the floor to sink', 2 * soonMs, async () => {
    const now = await floor();
    return now !== undefined && now < kept && now;
  });
  expect(lower).toBeGreaterThanOrEqual(2);
}, 120_000);
