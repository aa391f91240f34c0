/**
 * What becomes of a CqrsService and of its namespace, with Kubernetes' own controllers for namespaces, garbage and
 * StatefulSets at work. Pods are made and stay pending, since there are no nodes.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findCondition } from '../../operator/src/api/v1alpha1/conditions.ts';
import { ordersSpec, paymentsSpec } from '../../operator/src/api/v1alpha1/example-services.ts';
import { cqrsServiceType, type CqrsService } from '../../operator/src/api/v1alpha1/schema.ts';
import { pauseAnnotation } from '../../operator/src/controllers/cqrs-service/pause.ts';
import type { KubeObject } from '../../operator/src/kube/object.ts';
import { builtin, type ResourceType } from '../../operator/src/kube/resource-type.ts';
import { startControllers } from '../support/controller-manager.ts';
import { startOperator, type OperatorProcess } from '../support/operator-process.ts';
import {
  startOperatorWorld,
  tellOnFailure,
  type OperatorWorld,
} from '../support/operator-world.ts';
import { eventually } from '../support/eventually.ts';
import type { Child } from '../support/process.ts';

const soonMs = 60_000;
const childCount = 25;
const operatorArgs = ['--resync-seconds=1', '--pod-status=direct'];

let world: OperatorWorld;
let controllers: Child;
let operator: OperatorProcess;

beforeAll(async () => {
  world = await startOperatorWorld();
  controllers = await startControllers(world.apiServer, [
    'namespace-controller',
    'garbage-collector-controller',
    'statefulset-controller',
    'persistentvolumeclaim-protection-controller',
  ]);
  operator = await startOperator(world.apiServer.kubeconfigPath, operatorArgs);
});

afterAll(async () => {
  await operator?.stop();
  await controllers?.kill();
  await world?.stop();
});

type Deployment = KubeObject & { spec: { replicas: number } };

/** A namespace with a service whose children, pods and volumes are all there. */
async function newShop(namespace: string, deletionPolicy: 'Retain' | 'Delete'): Promise<void> {
  tellOnFailure(operator);
  await world.createNamespace(namespace);
  await world.apply({ namespace, name: 'orders' }, { ...ordersSpec, deletionPolicy });
  await untilWhole(namespace);
}

async function untilWhole(namespace: string): Promise<void> {
  await eventually('the children', soonMs, async () => {
    return Object.keys(await world.children(namespace)).length === childCount;
  });
  await eventually('the volumes', soonMs, async () => (await volumes(namespace)).length === 3);
}

async function volumes(namespace: string): Promise<readonly string[]> {
  const { items } = await world.admin.list(builtin.persistentVolumeClaim, { namespace });
  return items.map(({ metadata }) => `${metadata.name} ${metadata.uid}`).toSorted();
}

async function untilGone(type: ResourceType, namespace: string, name: string): Promise<void> {
  await eventually(`${type.kind} ${name} to be gone`, soonMs, async () => {
    return (await world.find(type, namespace, name)) === undefined;
  });
}

async function untilNamespaceGone(name: string): Promise<void> {
  await eventually(`namespace ${name} to be gone`, soonMs, async () => {
    const { items } = await world.admin.list(builtin.namespace);
    return !items.some(({ metadata }) => metadata.name === name);
  });
}

async function untilChildrenAre(namespace: string, names: readonly string[]): Promise<void> {
  await expect
    .poll(async () => Object.keys(await world.children(namespace)).toSorted(), { timeout: soonMs })
    .toEqual(names);
}

async function removeFinalizers(namespace: string): Promise<void> {
  const patch = { metadata: { finalizers: null } };
  await world.admin.mergePatch(cqrsServiceType, { namespace, name: 'orders' }, patch);
}

test('a namespace goes with all that is in it, whatever is to be deleted or kept', async () => {
  await newShop('closing', 'Delete');
  await world.apply({ namespace: 'closing', name: 'payments' }, paymentsSpec);
  await world.apply(
    { namespace: 'closing', name: 'paused', annotations: { [pauseAnnotation]: 'true' } },
    { ...paymentsSpec, deletionPolicy: 'Delete' },
  );
  await world.admin.delete(builtin.namespace, { name: 'closing' });
  await untilNamespaceGone('closing');
  expect(operator.running()).toBe(true);
});

test('a finalizer that is removed by hand leaves nothing stuck', async () => {
  await newShop('forced', 'Delete');
  const orders = { namespace: 'forced', name: 'orders' };
  await world.admin.delete(cqrsServiceType, orders);
  // Nobody runs the Job that deletes the topics.
  await eventually('the cleanup Job', soonMs, () =>
    world.find(builtin.job, 'forced', 'orders-topic-cleanup'),
  );
  await removeFinalizers('forced');
  await untilGone(cqrsServiceType, 'forced', 'orders');
  await untilChildrenAre('forced', []);
  await untilGone(builtin.job, 'forced', 'orders-topic-cleanup');
  await expect.poll(() => volumes('forced'), { timeout: soonMs }).toEqual([]);

  // The name is free again at once.
  await world.apply(orders, ordersSpec);
  await untilWhole('forced');
});

test('without an operator too, and one that starts later makes nothing of it', async () => {
  await newShop('orphaned', 'Delete');
  await operator.kill();
  await world.admin.delete(cqrsServiceType, { namespace: 'orphaned', name: 'orders' });
  await removeFinalizers('orphaned');
  await untilGone(cqrsServiceType, 'orphaned', 'orders');
  await untilChildrenAre('orphaned', []);
  operator = await startOperator(world.apiServer.kubeconfigPath, operatorArgs);
  await eventually('passes', soonMs, async () => (await operator.passes()) > 5);
  expect(await world.children('orphaned')).toEqual({});
});

test('what was kept is picked up again: the same passwords, the same volumes', async () => {
  await newShop('kept', 'Retain');
  const orders = { namespace: 'kept', name: 'orders' };
  type Secret = KubeObject & { data: Readonly<Record<string, string>> };
  const secret = (name: string): Promise<Secret> =>
    world.admin.get<Secret>(builtin.secret, { namespace: 'kept', name });
  const before = {
    volumes: await volumes('kept'),
    secrets: [await secret('orders-postgres'), await secret('orders-redis')],
  };
  await world.admin.delete(cqrsServiceType, orders);
  await untilGone(cqrsServiceType, 'kept', 'orders');
  await untilChildrenAre('kept', ['Secret/orders-postgres', 'Secret/orders-redis']);
  expect(await volumes('kept')).toEqual(before.volumes);

  await world.apply(orders, ordersSpec);
  await untilWhole('kept');
  expect(await volumes('kept')).toEqual(before.volumes);
  for (const { data, metadata } of before.secrets) {
    const after = await secret(metadata.name);
    expect([after.metadata.uid, after.data]).toEqual([metadata.uid, data]);
  }
});

/** The StatefulSet controller writes a status some time after it has seen an object, which changes its version too. */
async function untilStatefulSetsAreSeen(namespace: string): Promise<void> {
  type Seen = KubeObject & {
    spec: { replicas: number };
    status?: { observedGeneration?: number; replicas?: number; updatedReplicas?: number };
  };
  await eventually('the StatefulSets to be seen', soonMs, async () => {
    const { items } = await world.admin.list<Seen>(builtin.statefulSet, { namespace });
    return items.every(
      ({ metadata, spec, status }) =>
        status?.observedGeneration === metadata.generation &&
        status?.replicas === spec.replicas &&
        status.updatedReplicas === spec.replicas,
    );
  });
}

test('a paused service is left alone until it goes on, and says so', async () => {
  await newShop('paused', 'Retain');
  const orders = { namespace: 'paused', name: 'orders' };
  const pause = (value: 'true' | null): Promise<CqrsService> => {
    const annotations = { [pauseAnnotation]: value };
    return world.admin.mergePatch<CqrsService>(cqrsServiceType, orders, {
      metadata: { annotations },
    });
  };
  const until = (reason: string): Promise<unknown> =>
    eventually(`Reconciling for ${reason}`, soonMs, async () => {
      const { status } = await world.admin.get<CqrsService>(cqrsServiceType, orders);
      return findCondition(status?.conditions ?? [], 'Reconciling')?.reason === reason && status;
    });
  const command = { namespace: 'paused', name: 'orders-command' };
  const replicas = async (): Promise<number> =>
    (await world.admin.get<Deployment>(builtin.deployment, command)).spec.replicas;

  await pause('true');
  await until('Paused');
  await world.admin.mergePatch(builtin.deployment, command, { spec: { replicas: 7 } });
  const { query: _query, ...written } = ordersSpec;
  await world.apply(orders, { ...written, command: { replicas: 3 } });
  await untilStatefulSetsAreSeen('paused');
  const before = await world.children('paused');
  const passes = await operator.passes();
  await eventually('passes', soonMs, async () => (await operator.passes()) > passes + 10);
  expect(await world.children('paused')).toEqual(before);
  const { metadata, status } = await world.admin.get<CqrsService>(cqrsServiceType, orders);
  expect(status?.observedGeneration).toBeLessThan(metadata.generation ?? 0);

  await pause(null);
  await expect.poll(replicas, { timeout: soonMs }).toBe(3);
  await untilGone(builtin.deployment, 'paused', 'orders-query');
  await eventually('the spec to be observed', soonMs, async () => {
    const service = await world.admin.get<CqrsService>(cqrsServiceType, orders);
    return service.status?.observedGeneration === service.metadata.generation;
  });
});

test('an operator with another image for the services rolls the programs, and no store', async () => {
  await newShop('upgraded', 'Retain');
  await operator.stop();
  const before = await world.children('upgraded');
  operator = await startOperator(world.apiServer.kubeconfigPath, [
    ...operatorArgs,
    '--services-image=cqrs/services:next',
  ]);
  const programs = ['command', 'projector', 'query', 'relay'];
  const changed = async (): Promise<readonly string[]> => {
    const after = Object.entries(await world.children('upgraded'));
    return after.filter(([name, version]) => before[name] !== version).map(([name]) => name);
  };
  await expect
    .poll(async () => (await changed()).toSorted(), { timeout: soonMs })
    .toEqual(programs.map((program) => `Deployment/orders-${program}`));
});
