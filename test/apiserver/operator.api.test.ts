/**
 * The operator as a process of its own on a real API server. There are no nodes and no other controllers: what the
 * kubelet and the Deployment controller would say of pods is said by the tests.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ServiceStatus } from '@cqrs/contract/ops-status.ts';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { findCondition, type ConditionType } from '../../operator/src/api/v1alpha1/conditions.ts';
import { customResourceDefinition } from '../../operator/src/api/v1alpha1/crd.ts';
import {
  orderHistorySpec,
  ordersSpec,
  paymentsSpec,
  type WrittenSpec,
} from '../../operator/src/api/v1alpha1/example-services.ts';
import { cqrsServiceType, type CqrsService } from '../../operator/src/api/v1alpha1/schema.ts';
import { createClient, type KubeClient } from '../../operator/src/kube/client.ts';
import { KubeError } from '../../operator/src/kube/errors.ts';
import type { KubeObject, Manifest } from '../../operator/src/kube/object.ts';
import { apiVersionOf, builtin, type ResourceType } from '../../operator/src/kube/resource-type.ts';
import { startApiServer, type ApiServer } from '../support/apiserver.ts';
import { startOperator, type OperatorProcess } from '../support/operator-process.ts';
import {
  playPod,
  playPodStatus,
  playWorkloadsReady,
  type PlayedPod,
} from '../support/played-pods.ts';
import { eventually } from '../support/eventually.ts';

const soonMs = 20_000;
const managed = 'app.kubernetes.io/managed-by=cqrs-operator';
const childTypes = [
  builtin.secret,
  builtin.configMap,
  builtin.service,
  builtin.statefulSet,
  builtin.deployment,
  builtin.podDisruptionBudget,
  builtin.horizontalPodAutoscaler,
];

let apiServer: ApiServer;
let admin: KubeClient;
let operator: OperatorProcess;
const played: PlayedPod[] = [];

// With a resync every second, "a pass that changes nothing writes nothing" is put to the test all the time.
const operatorArgs = ['--resync-seconds=1', '--status-refresh-seconds=1', '--pod-status=direct'];

beforeAll(async () => {
  apiServer = await startApiServer();
  admin = createClient({ kubeConfig: apiServer.kubeConfig });
  await admin.create(builtin.customResourceDefinition, customResourceDefinition());
  operator = await startOperator(apiServer.kubeconfigPath, operatorArgs);
});

afterAll(async () => {
  await operator?.stop();
  await Promise.all(played.map((pod) => pod.fallSilent()));
  await admin?.close();
  await apiServer?.stop();
});

/** A namespace of the test's own; when the test fails, what the operator said last is printed. */
async function newNamespace(name: string): Promise<string> {
  onTestFailed(() => void process.stderr.write(operator.output().slice(-4000)));
  const manifest: Manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  await admin.create(builtin.namespace, manifest);
  return name;
}

async function apply(namespace: string, name: string, spec: WrittenSpec): Promise<CqrsService> {
  const { kind } = cqrsServiceType;
  const manifest: Manifest = {
    apiVersion: apiVersionOf(cqrsServiceType),
    kind,
    metadata: { name, namespace },
    spec,
  };
  return admin.apply(cqrsServiceType, manifest, { fieldManager: 'user' });
}

async function find<T extends KubeObject>(
  type: ResourceType,
  namespace: string,
  name: string,
): Promise<T | undefined> {
  return admin.get<T>(type, { namespace, name }).catch((error: unknown) => {
    if (error instanceof KubeError && error.isNotFound) return undefined;
    throw error;
  });
}

async function children(namespace: string): Promise<readonly KubeObject[]> {
  const lists = await Promise.all(
    childTypes.map((type) => admin.list<KubeObject>(type, { namespace, labelSelector: managed })),
  );
  return lists.flatMap((list, position) =>
    list.items.map((item) => ({ ...item, kind: childTypes[position]?.kind ?? '' })),
  );
}

async function childNames(namespace: string): Promise<readonly string[]> {
  const found = await children(namespace);
  return found.map(({ kind, metadata }) => `${kind}/${metadata.name}`).toSorted();
}

async function untilCondition(
  namespace: string,
  name: string,
  expected: { type: ConditionType; status: string; reason: string },
): Promise<string> {
  const { type, status, reason } = expected;
  return eventually(`${name} to have ${type}=${status} (${reason})`, soonMs, async () => {
    const service = await find<CqrsService>(cqrsServiceType, namespace, name);
    const found = findCondition(service?.status?.conditions ?? [], type);
    return found?.status === status && found.reason === reason && found.message;
  });
}

async function versions(namespace: string): Promise<Readonly<Record<string, string>>> {
  const services = await admin.list<CqrsService>(cqrsServiceType, { namespace });
  return Object.fromEntries(
    [...(await children(namespace)), ...services.items].map(({ kind, metadata }) => [
      `${kind}/${metadata.name}`,
      metadata.resourceVersion ?? '',
    ]),
  );
}

async function passesMore(count: number): Promise<void> {
  const passes = await operator.passes();
  const what = `${count} passes`;
  await eventually(what, soonMs, async () => (await operator.passes()) >= passes + count);
}

/** Waits until several passes in a row wrote nothing, then gives what many more passes send and change. */
async function changesWhileIdle(namespace: string): Promise<object> {
  await eventually('every service to be observed', soonMs, async () => {
    const { items } = await admin.list<CqrsService>(cqrsServiceType, { namespace });
    return items.every(
      ({ metadata, status }) => status?.observedGeneration === metadata.generation,
    );
  });
  const writes = await eventually('writes to rest', soonMs, async () => {
    const before = await operator.writes();
    await passesMore(3);
    return isDeepStrictEqual(before, await operator.writes()) && before;
  });
  const before = await versions(namespace);
  await passesMore(5);
  return {
    ...differences(writes, await operator.writes()),
    ...differences(before, await versions(namespace)),
  };
}

function differences<T>(before: Readonly<Record<string, T>>, after: typeof before): object {
  return Object.fromEntries(Object.entries(after).filter(([key, value]) => before[key] !== value));
}

const ordersChildren = [
  'ConfigMap/cqrs-kafka',
  'ConfigMap/orders-command',
  'ConfigMap/orders-postgres',
  'ConfigMap/orders-projector',
  'ConfigMap/orders-query',
  'ConfigMap/orders-redis',
  'ConfigMap/orders-relay',
  'Deployment/orders-command',
  'Deployment/orders-projector',
  'Deployment/orders-query',
  'Deployment/orders-relay',
  'HorizontalPodAutoscaler/orders-query',
  'PodDisruptionBudget/orders-command',
  'PodDisruptionBudget/orders-query',
  'Secret/cqrs-consistency',
  'Secret/orders-postgres',
  'Secret/orders-redis',
  'Service/cqrs-kafka',
  'Service/orders-command',
  'Service/orders-postgres',
  'Service/orders-query',
  'Service/orders-redis',
  'StatefulSet/cqrs-kafka',
  'StatefulSet/orders-postgres',
  'StatefulSet/orders-redis',
];

async function untilChildren(namespace: string, expected: readonly string[]): Promise<void> {
  await expect.poll(() => childNames(namespace), { timeout: soonMs }).toEqual(expected);
}

test('an applied CqrsService gets all its objects, and further passes write nothing', async () => {
  const namespace = await newNamespace('whole');
  await apply(namespace, 'orders', ordersSpec);
  await untilChildren(namespace, ordersChildren);
  await untilCondition(namespace, 'orders', {
    type: 'StoresReady',
    status: 'False',
    reason: 'PostgresNotReady',
  });
  expect(await changesWhileIdle(namespace)).toEqual({});
});

test('drift of a field of ours is healed, and a field of others is left alone', async () => {
  const namespace = await newNamespace('drift');
  await apply(namespace, 'orders', ordersSpec);
  await untilChildren(namespace, ordersChildren);
  const command = { namespace, name: 'orders-command' };
  await admin.mergePatch(builtin.deployment, command, {
    metadata: { annotations: { 'example.dev/mine': 'stays' } },
    spec: { replicas: 7 },
  });
  const query = { namespace, name: 'orders-query' };
  await admin.mergePatch(builtin.deployment, query, { spec: { replicas: 5 } });
  await admin.delete(builtin.service, command);

  await eventually('two command replicas', soonMs, async () => {
    const live = await find<Deployment>(builtin.deployment, namespace, 'orders-command');
    return live?.spec.replicas === 2;
  });
  await untilChildren(namespace, ordersChildren);
  expect(await changesWhileIdle(namespace)).toEqual({});
  const healed = await admin.get(builtin.deployment, command);
  expect(healed.metadata.annotations).toMatchObject({ 'example.dev/mine': 'stays' });
  // The HPA owns this number.
  expect((await admin.get<Deployment>(builtin.deployment, query)).spec.replicas).toBe(5);
});

test('command pods stay as many as they are when an HPA takes them over, and when it gives them back', async () => {
  const namespace = await newNamespace('command-scaling');
  const command = { namespace, name: 'orders-command' };
  const deployment = (): Promise<Deployment> => admin.get(builtin.deployment, command);
  await apply(namespace, 'orders', { ...ordersSpec, command: { replicas: 5 } });
  await untilChildren(namespace, ordersChildren);
  await changesWhileIdle(namespace);
  expect((await deployment()).spec.replicas).toBe(5);

  const autoscaling = { maxReplicas: 9 };
  await apply(namespace, 'orders', { ...ordersSpec, command: { replicas: 3, autoscaling } });
  await eventually('an HPA of the command pods', soonMs, async () => {
    const { items } = await admin.list(builtin.horizontalPodAutoscaler, { namespace });
    return items.some(({ metadata }) => metadata.name === command.name);
  });
  expect(await changesWhileIdle(namespace)).toEqual({});
  // Nobody would have brought back the five, had they been given up for a moment.
  expect((await deployment()).spec.replicas).toBe(5);
  await admin.mergePatch(
    builtin.deployment,
    command,
    { spec: { replicas: 7 } },
    { subresource: 'scale' },
  );
  expect(await changesWhileIdle(namespace)).toEqual({});
  expect((await deployment()).spec.replicas).toBe(7);

  await apply(namespace, 'orders', { ...ordersSpec, command: { replicas: 4 } });
  await eventually('the number of the spec', soonMs, async () => {
    return (await deployment()).spec.replicas === 4;
  });
}, 90_000);

test('a source that is missing is named, everything else is made, and the condition goes when it comes', async () => {
  const namespace = await newNamespace('sources');
  await apply(namespace, 'order-history', orderHistorySpec);
  const projection = { type: 'ProjectionCaughtUp', status: 'False' } as const;
  const message = await untilCondition(namespace, 'order-history', {
    ...projection,
    reason: 'SourceServiceMissing',
  });
  expect(message).toContain('CqrsService orders');
  expect(message).toContain('Create that CqrsService in this namespace');
  const names = await childNames(namespace);
  expect(names).toContain('Deployment/order-history-projector');
  // Read-only: no write side.
  expect(names.filter((name) => /command|relay|postgres/.test(name))).toEqual([]);

  await apply(namespace, 'orders', ordersSpec);
  await apply(namespace, 'payments', paymentsSpec);
  await apply(namespace, 'customers', {
    aggregates: [{ name: 'customer', schema: { type: 'object' } }],
    command: {},
  });
  await untilCondition(namespace, 'order-history', { ...projection, reason: 'Starting' });
  // Passes over several services at once may each write the owners they know; the last word is everybody.
  const owners = async (): Promise<readonly string[]> => {
    const kafka = await admin.get(builtin.statefulSet, { namespace, name: 'cqrs-kafka' });
    const references = kafka.metadata.ownerReferences ?? [];
    expect(references.some(({ controller }) => controller === true)).toBe(false);
    return references.map(({ name }) => name).toSorted();
  };
  const everybody = ['customers', 'order-history', 'orders', 'payments'];
  await expect.poll(owners, { timeout: soonMs }).toEqual(everybody);
  expect(await changesWhileIdle(namespace)).toEqual({});
});

test('a schema that cannot be used stalls the service, and what the last good one made goes on', async () => {
  const namespace = await newNamespace('schema');
  await apply(namespace, 'orders', ordersSpec);
  await untilChildren(namespace, ordersChildren);
  const broken = { type: 'object', properties: { total: { type: 'amount' } } };
  await apply(namespace, 'orders', {
    ...ordersSpec,
    aggregates: [{ name: 'order', schema: broken }],
  });
  const message = await untilCondition(namespace, 'orders', {
    type: 'Stalled',
    status: 'True',
    reason: 'SchemaInvalid',
  });
  expect(message).toContain('aggregate order');
  await untilChildren(namespace, ordersChildren);
  expect(await changesWhileIdle(namespace)).toEqual({});
  expect(operator.running()).toBe(true);

  await apply(namespace, 'orders', ordersSpec);
  await untilCondition(namespace, 'orders', {
    type: 'Stalled',
    status: 'False',
    reason: 'UpToDate',
  });
});

test('a service whose first schema cannot be used is made once it is mended', async () => {
  const namespace = await newNamespace('first-schema');
  const broken = { type: 'object', properties: { total: { type: 'strin' } } };
  await apply(namespace, 'orders', {
    ...ordersSpec,
    aggregates: [{ name: 'order', schema: broken }],
  });
  const stalled = { type: 'Stalled', status: 'True', reason: 'SchemaInvalid' } as const;
  const message = await untilCondition(namespace, 'orders', stalled);
  expect(message).toContain('properties/total/type must be one of array, boolean, ');
  expect(message).toContain('Nothing is made until it is mended.');
  expect(await childNames(namespace)).toEqual([]);
  await expect
    .poll(() => events(namespace), { timeout: soonMs })
    .toEqual(['Warning SchemaInvalid']);
  expect(await changesWhileIdle(namespace)).toEqual({});

  await apply(namespace, 'orders', ordersSpec);
  await untilChildren(namespace, ordersChildren);
  await expect
    .poll(() => events(namespace), { timeout: soonMs })
    .toEqual(['Warning SchemaInvalid', 'Normal Created']);
});

test('a field that a sibling’s aggregate cannot have stalls the view until that aggregate has it', async () => {
  const namespace = await newNamespace('unknown-field');
  const customers = (...fields: readonly string[]): Promise<CqrsService> => {
    const properties = Object.fromEntries(fields.map((field) => [field, { type: 'string' }]));
    const schema = { type: 'object', properties, additionalProperties: false };
    const aggregates = [{ name: 'customer', schema }];
    return apply(namespace, 'customers', { aggregates, command: {} });
  };
  await customers('name');
  const sources = [{ service: 'customers', aggregate: 'customer' }];
  const indexes = [{ by: ['nmae'] }];
  await apply(namespace, 'directory', {
    query: { views: [{ name: 'customers', sources, indexes }] },
  });
  const stalled = { type: 'Stalled', status: 'True', reason: 'UnknownField' } as const;
  expect(await untilCondition(namespace, 'directory', stalled)).toContain(
    'its fields are name, id.',
  );
  expect(await changesWhileIdle(namespace)).toEqual({});

  await customers('name', 'nmae');
  await untilCondition(namespace, 'directory', {
    type: 'Stalled',
    status: 'False',
    reason: 'UpToDate',
  });
});

test('what the spec no longer asks for is deleted', async () => {
  const namespace = await newNamespace('prune');
  await apply(namespace, 'orders', ordersSpec);
  await untilChildren(namespace, ordersChildren);
  const { query: _query, ...written } = ordersSpec;
  await apply(namespace, 'orders', written);
  const readSide = /redis|query|projector/;
  await untilChildren(
    namespace,
    // The passwords of a volume that is kept are kept with it.
    ordersChildren.filter((name) => !readSide.test(name) || name === 'Secret/orders-redis'),
  );
  expect(await changesWhileIdle(namespace)).toEqual({});
});

test('a suspended service has no pods but its stores, and starts again with one query pod', async () => {
  const namespace = await newNamespace('suspend');
  await apply(namespace, 'orders', ordersSpec);
  await untilChildren(namespace, ordersChildren);
  const query = { namespace, name: 'orders-query' };
  await admin.mergePatch(builtin.deployment, query, { spec: { replicas: 5 } });
  const replicas = async (): Promise<Readonly<Record<string, number>>> => {
    const { items } = await admin.list<Deployment>(builtin.deployment, { namespace });
    return Object.fromEntries(
      items.map(({ metadata, spec }) => [metadata.name.replace('orders-', ''), spec.replicas]),
    );
  };

  await apply(namespace, 'orders', { ...ordersSpec, suspend: true });
  const none = { command: 0, relay: 0, projector: 0, query: 0 };
  await expect.poll(replicas, { timeout: soonMs }).toEqual(none);
  await untilChildren(
    namespace,
    ordersChildren.filter((name) => name !== 'HorizontalPodAutoscaler/orders-query'),
  );
  await untilCondition(namespace, 'orders', {
    type: 'Ready',
    status: 'False',
    reason: 'Suspended',
  });

  await apply(namespace, 'orders', { ...ordersSpec, suspend: false });
  const running = { command: 2, relay: 1, projector: 1, query: 1 };
  await expect.poll(replicas, { timeout: soonMs }).toEqual(running);
  await untilChildren(namespace, ordersChildren);
});

test('with Retain the passwords outlive the service and open its volumes again', async () => {
  const namespace = await newNamespace('retain');
  await apply(namespace, 'orders', ordersSpec);
  await untilChildren(namespace, ordersChildren);
  const secret = { namespace, name: 'orders-postgres' };
  type Secret = KubeObject & { data: Record<string, string> };
  const before = await admin.get<Secret>(builtin.secret, secret);
  // No owner: the garbage collector, which this API server lacks, would leave it.
  expect(before.metadata.ownerReferences).toBeUndefined();
  const service = await find<CqrsService>(cqrsServiceType, namespace, 'orders');
  expect(service?.metadata.finalizers).toBeUndefined();
  const owned = (await children(namespace)).filter(({ kind }) => kind !== 'Secret');
  expect(owned.every(({ metadata }) => metadata.ownerReferences?.length === 1)).toBe(true);

  await admin.delete(cqrsServiceType, { namespace, name: 'orders' });
  await untilGone(namespace);
  for (const { kind, metadata } of owned) {
    const type = childTypes.find((candidate) => candidate.kind === kind);
    if (type !== undefined) await admin.delete(type, { namespace, name: metadata.name });
  }
  await apply(namespace, 'orders', ordersSpec);
  await untilChildren(namespace, ordersChildren);
  expect((await admin.get<Secret>(builtin.secret, secret)).data).toEqual(before.data);
});

test('with Delete the relay stops, the topics go, and only then the service', async () => {
  const namespace = await newNamespace('delete');
  await apply(namespace, 'orders', { ...ordersSpec, deletionPolicy: 'Delete' });
  await untilChildren(namespace, ordersChildren);
  const service = await admin.get(cqrsServiceType, { namespace, name: 'orders' });
  expect(service.metadata.finalizers).toEqual(['cqrs.dev/topics']);
  const secret = await admin.get(builtin.secret, { namespace, name: 'orders-postgres' });
  expect(secret.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual([service.metadata.uid]);

  await admin.delete(cqrsServiceType, { namespace, name: 'orders' });
  await untilCondition(namespace, 'orders', {
    type: 'Reconciling',
    status: 'True',
    reason: 'Deleting',
  });
  const job = await eventually('the cleanup Job', soonMs, () =>
    find(builtin.job, namespace, 'orders-topic-cleanup'),
  );
  expect(await find(builtin.deployment, namespace, 'orders-relay')).toBeUndefined();
  expect(await find(cqrsServiceType, namespace, 'orders')).toBeDefined();
  await end(job, 'Complete');
  await untilGone(namespace);
});

function annotationOf({ spec }: Workload, name: string): string | undefined {
  return spec.template.metadata.annotations?.[name];
}

async function untilGone(namespace: string): Promise<boolean> {
  return eventually('the service to be gone', soonMs, async () => {
    return (await find(cqrsServiceType, namespace, 'orders')) === undefined;
  });
}

async function end(job: KubeObject, how: 'Complete' | 'Failed'): Promise<void> {
  const { name, namespace = '' } = job.metadata;
  const now = new Date().toISOString();
  const condition = (type: string) => ({
    type,
    status: 'True',
    lastProbeTime: now,
    lastTransitionTime: now,
  });
  const isComplete = how === 'Complete';
  const status = {
    startTime: now,
    ...(isComplete && { completionTime: now, succeeded: 1 }),
    uncountedTerminatedPods: {},
    conditions: [condition(isComplete ? 'SuccessCriteriaMet' : 'FailureTarget'), condition(how)],
  };
  await admin.mergePatch(builtin.job, { name, namespace }, { status }, { subresource: 'status' });
}

test('topics of events that a read-only service put aside go with it, and its projector before them', async () => {
  const namespace = await newNamespace('aside');
  const [view] = orderHistorySpec.query.views;
  await apply(namespace, 'orders', {
    query: { views: [{ ...view, poison: 'dead-letter' }] },
    deletionPolicy: 'Delete',
  });
  const projector = { namespace, name: 'orders-projector' };
  await eventually('the projector', soonMs, () =>
    find(builtin.deployment, namespace, projector.name),
  );
  await admin.delete(cqrsServiceType, { namespace, name: 'orders' });
  const job = await eventually('the cleanup Job', soonMs, () =>
    find<Workload>(builtin.job, namespace, 'orders-topic-cleanup'),
  );
  expect(await find(builtin.deployment, namespace, projector.name)).toBeUndefined();
  const { topics } = JSON.parse(annotationOf(job, 'cqrs.dev/config') ?? '');
  expect(topics).toMatchObject([{ topic: 'aside.orders.order-history.dead-letter' }]);
  await end(job, 'Complete');
  await untilGone(namespace);
});

test('topics that could not be deleted are told, and hold up nothing', async () => {
  const namespace = await newNamespace('leftovers');
  await apply(namespace, 'orders', { ...ordersSpec, deletionPolicy: 'Delete' });
  await untilChildren(namespace, ordersChildren);
  await admin.delete(cqrsServiceType, { namespace, name: 'orders' });
  const job = await eventually('the cleanup Job', soonMs, () =>
    find(builtin.job, namespace, 'orders-topic-cleanup'),
  );
  await end(job, 'Failed');
  await untilGone(namespace);
  await expect
    .poll(() => events(namespace), { timeout: soonMs })
    .toContain('Warning TopicsNotDeleted');
});

test('a namespace that is being deleted waits for no topics', async () => {
  const namespace = await newNamespace('terminating');
  await apply(namespace, 'orders', { ...ordersSpec, deletionPolicy: 'Delete' });
  await untilChildren(namespace, ordersChildren);
  await admin.delete(builtin.namespace, { name: namespace });
  await admin.delete(cqrsServiceType, { namespace, name: 'orders' });
  expect(await untilGone(namespace)).toBe(true);
  expect(await find(builtin.job, namespace, 'orders-topic-cleanup')).toBeUndefined();
});

test('an object of somebody else under one of our names is left alone', async () => {
  const namespace = await newNamespace('taken');
  const theirs: Manifest = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'orders-query', namespace },
    data: { theirs: 'yes' },
  };
  await admin.create(builtin.configMap, theirs);
  await apply(namespace, 'orders', ordersSpec);
  const message = await untilCondition(namespace, 'orders', {
    type: 'Stalled',
    status: 'True',
    reason: 'NameTaken',
  });
  expect(message).toContain('ConfigMap orders-query');
  const live = await admin.get<Manifest>(builtin.configMap, { namespace, name: 'orders-query' });
  expect(live['data']).toEqual({ theirs: 'yes' });
});

const streaming: ServiceStatus = {
  program: 'relay',
  streaming: true,
  error: null,
  errorCode: null,
  lagBytes: 0,
  eventsPublished: 7,
};

const slotLost: ServiceStatus = {
  ...streaming,
  streaming: false,
  error: 'The replication slot cqrs_status_orders was invalidated',
  errorCode: 'CQRS_SLOT_LOST',
};

type ViewStatus = Extract<ServiceStatus, { program: 'projector' }>['views'][number];

const lagging = (
  lagEvents: number,
  lagSeconds: number,
  changes: Partial<ViewStatus> = {},
): ServiceStatus => {
  const stands = { halted: [], haltedKeys: [], haltedKeyCount: 0 };
  const partitions = [{ topicPartition: 'status.orders.order/3', lagEvents, lagSeconds }];
  const view = { view: 'orders', lagEvents, lagSeconds, partitions, ...stands, ...changes };
  return { program: 'projector', error: null, errorCode: null, views: [view] };
};

const haltedKey = {
  topicPartition: 'status.orders.order/3',
  key: 'o-1',
  offset: '12',
  error: 'its state is no object',
};

const idleQuery: ServiceStatus = {
  program: 'query',
  bootId: 'played',
  readsServed: 0,
  readsRefused: 0,
  readsQueued: 0,
  error: null,
};

type Deployment = KubeObject & { spec: { replicas: number } };
type Workload = KubeObject & { spec: { template: { metadata: KubeObject['metadata'] } } };
type EventObject = KubeObject & { type: string; reason: string; note: string };

async function events(namespace: string): Promise<readonly string[]> {
  const { items } = await admin.list<EventObject>(builtin.event, { namespace });
  return items
    .toSorted(
      (one, other) => Number(one.metadata.resourceVersion) - Number(other.metadata.resourceVersion),
    )
    .map(({ type, reason }) => `${type} ${reason}`);
}

test('status and Events follow the pods from nothing to Ready and through failures', async () => {
  const namespace = await newNamespace('status');
  const orders = { namespace, name: 'orders' };
  const status = async () => (await admin.get<CqrsService>(cqrsServiceType, orders)).status;
  const until = (type: ConditionType, is: string, reason: string): Promise<string> =>
    untilCondition(namespace, 'orders', { type, status: is, reason });
  await apply(namespace, 'orders', ordersSpec);
  await untilChildren(namespace, ordersChildren);
  await until('StoresReady', 'False', 'PostgresNotReady');

  await playWorkloadsReady(admin, namespace);
  const play = async (deployment: string, address: string, said: ServiceStatus) => {
    const pod = await playPod(admin, { namespace, deployment, address, said });
    played.push(pod);
    return pod;
  };
  const relay = await play('orders-relay', '127.77.0.2', streaming);
  const projector = await play('orders-projector', '127.77.0.3', lagging(120, 14));
  await play('orders-query', '127.77.0.4', idleQuery);
  await until('ProjectionCaughtUp', 'False', 'CatchingUp');
  await until('Ready', 'False', 'CatchingUp');
  expect(await status()).toMatchObject({
    command: { ready: '2/2', url: 'http://orders-command.status.svc' },
    query: { ready: '1/1', readsPerSecond: 0, desiredReplicas: 1 },
    projection: {
      lag: '120 / 14s',
      views: [{ name: 'orders', behind: [{ topicPartition: 'status.orders.order/3' }] }],
    },
  });

  projector.say(lagging(0, 0));
  await until('Ready', 'True', 'Available');
  await until('Reconciling', 'False', 'UpToDate');
  expect(await until('ScalingActive', 'True', 'MetricsApiAbsent')).toContain(
    'give it --metrics-api-port',
  );
  expect(await status()).toMatchObject({ projection: { lag: '0' } });

  // A second projector that only starts cannot be reached, and is no trouble.
  const address = '127.77.0.9';
  const starts = {
    phase: 'Running',
    podIP: address,
    podIPs: [{ ip: address }],
    conditions: [{ type: 'Ready', status: 'False' }],
  };
  const [name, workload] = ['orders-projector-starts', 'orders-projector'];
  await playPodStatus(admin, { namespace, workload, name, status: starts });
  await passesMore(5);
  await until('ProjectionCaughtUp', 'True', 'CaughtUp');
  expect((await events(namespace)).filter((event) => event.includes('Unreachable'))).toEqual([]);
  await admin.delete(builtin.pod, { namespace, name });

  const query = { namespace, name: 'orders-query' };
  await admin.mergePatch(
    builtin.horizontalPodAutoscaler,
    query,
    { status: { currentReplicas: 1, desiredReplicas: 3 } },
    { subresource: 'status' },
  );
  await eventually('three replicas to be shown', soonMs, async () => {
    return (await status())?.query?.desiredReplicas === 3;
  });
  expect(await changesWhileIdle(namespace)).toEqual({});

  relay.say(slotLost);
  await until('RelayStreaming', 'False', 'SlotLost');
  expect(await until('Stalled', 'True', 'SlotLost')).toContain(
    '`kubectl exec --namespace status deploy/orders-relay -- node services/relay/src/republish.ts`',
  );
  relay.say(streaming);
  await until('Ready', 'True', 'Available');

  projector.say(lagging(0, 0, { haltedKeys: [haltedKey], haltedKeyCount: 2 }));
  expect(await until('Stalled', 'True', 'KeysHalted')).toContain(
    '2 keys stand still in view orders. The first is o-1 at offset 12 of status.orders.order/3: its state is no object.',
  );
  expect((await status())?.projection?.views).toEqual([
    {
      name: 'orders',
      lagEvents: 0,
      lagSeconds: 0,
      haltedPartitions: 0,
      haltedKeys: 2,
      behind: [],
    },
  ]);
  projector.say(lagging(0, 0));
  await until('Ready', 'True', 'Available');
  await projector.fallSilent();
  await until('ProjectionCaughtUp', 'False', 'ProjectorUnreachable');

  // That it became Ready twice is one Event with a count.
  await expect
    .poll(() => events(namespace), { timeout: soonMs })
    .toEqual([
      'Normal Created',
      'Normal Ready',
      'Normal Scaled',
      'Warning SlotLost',
      'Warning KeysHalted',
      'Warning ProjectorUnreachable',
    ]);
});

test('services that come at once share one key for tokens, which stays as it is', async () => {
  const namespace = await newNamespace('key');
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  await Promise.all(names.map((name) => apply(namespace, name, paymentsSpec)));
  type Secret = KubeObject & { data: Record<string, string> };
  const secret = (): Promise<Secret> =>
    admin.get<Secret>(builtin.secret, { namespace, name: 'cqrs-consistency' });
  const owners = async (): Promise<readonly string[]> =>
    ((await secret()).metadata.ownerReferences ?? []).map(({ name }) => name).toSorted();
  await eventually('the key', soonMs, () => find(builtin.secret, namespace, 'cqrs-consistency'));
  const { data } = await secret();
  await expect.poll(owners, { timeout: soonMs }).toEqual(names);
  expect(await changesWhileIdle(namespace)).toEqual({});
  expect((await secret()).data).toEqual(data);
  const key = Buffer.from(data['token-key'] ?? '', 'base64').toString();
  expect(Buffer.from(key, 'base64')).toHaveLength(32);
  // No pod was started with another key than the one that is there.
  const { items } = await admin.list<Workload>(builtin.deployment, { namespace });
  const commands = items.filter(({ metadata }) => metadata.name.endsWith('-command'));
  expect(commands.map(({ metadata }) => metadata.generation)).toEqual(names.map(() => 1));
});

test('a key for tokens that is spoiled or taken out rolls no pods, and another one does', async () => {
  const namespace = await newNamespace('spoiled');
  await apply(namespace, 'orders', ordersSpec);
  await untilChildren(namespace, ordersChildren);
  const secret = { namespace, name: 'cqrs-consistency' };
  const keyIs = (text: string | null): Promise<unknown> => {
    const data = { 'token-key': text === null ? null : Buffer.from(text).toString('base64') };
    return admin.mergePatch(builtin.secret, secret, { data });
  };
  const generations = async (): Promise<readonly unknown[]> =>
    Promise.all(
      ['orders-command', 'orders-query'].map(async (name) => {
        return (await find(builtin.deployment, namespace, name))?.metadata.generation;
      }),
    );
  expect(await generations()).toEqual([1, 1]);
  for (const [text, condition] of [
    ['short', { type: 'Stalled', status: 'True', reason: 'TokenKeyInvalid' }],
    [null, { type: 'StoresReady', status: 'False', reason: 'SecretIncomplete' }],
  ] as const) {
    await keyIs(text);
    await untilCondition(namespace, 'orders', condition);
    expect(await generations()).toEqual([1, 1]);
  }
  await keyIs(Buffer.alloc(32, 'x').toString('base64'));
  await expect.poll(generations, { timeout: soonMs }).toEqual([2, 2]);
});

test('a behavior is awaited, mounted, and rolls the command pods alone when it changes', async () => {
  const namespace = await newNamespace('behavior');
  const behavior = { configMap: { name: 'order-behavior', key: 'order.ts' } };
  await apply(namespace, 'orders', {
    ...ordersSpec,
    aggregates: [{ ...ordersSpec.aggregates[0], behavior }],
  });
  const missing = { type: 'Stalled', status: 'True', reason: 'BehaviorMissing' } as const;
  expect(await untilCondition(namespace, 'orders', missing)).toContain(
    'is to be in key order.ts of ConfigMap order-behavior, which does not exist in this namespace. Create the ConfigMap',
  );
  await untilChildren(
    namespace,
    ordersChildren.filter((name) => name !== 'Deployment/orders-command'),
  );
  expect(await changesWhileIdle(namespace)).toEqual({});

  const configMap = { namespace, name: 'order-behavior' };
  const configMapIs = (data: Readonly<Record<string, string>>): Promise<unknown> =>
    admin.mergePatch(builtin.configMap, configMap, { data });
  await admin.create<Manifest>(builtin.configMap, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: configMap,
    data: { 'order.ts': 'export const decide = 1;', 'notes.md': 'as it was' },
  });
  await untilChildren(namespace, ordersChildren);
  await untilCondition(namespace, 'orders', {
    type: 'Stalled',
    status: 'False',
    reason: 'UpToDate',
  });
  const checksums = async (): Promise<Readonly<Record<string, string | undefined>>> => {
    const { items } = await admin.list<Workload>(builtin.deployment, { namespace });
    return Object.fromEntries(
      items.map((item) => [item.metadata.name, annotationOf(item, 'cqrs.dev/config-checksum')]),
    );
  };
  const before = await checksums();
  await configMapIs({ 'notes.md': 'another word' });
  expect(await changesWhileIdle(namespace)).toEqual({});
  expect(await checksums()).toEqual(before);

  await configMapIs({ 'order.ts': 'export const decide = 2;' });
  await expect
    .poll(async () => Object.keys(differences(before, await checksums())), { timeout: soonMs })
    .toEqual(['orders-command']);

  await admin.delete(builtin.configMap, configMap);
  await untilCondition(namespace, 'orders', missing);
  await untilChildren(namespace, ordersChildren);
  expect(await changesWhileIdle(namespace)).toEqual({});
});

test('a killed operator comes back and writes nothing', async () => {
  const namespace = await newNamespace('restart');
  await apply(namespace, 'orders', ordersSpec);
  await untilChildren(namespace, ordersChildren);
  expect(await changesWhileIdle(namespace)).toEqual({});
  const before = await versions(namespace);
  await operator.kill();
  operator = await startOperator(apiServer.kubeconfigPath, operatorArgs);
  await eventually('passes', soonMs, async () => (await operator.passes()) > 20);
  expect(await operator.writes()).toEqual({});
  expect(await versions(namespace)).toEqual(before);
  expect(await operator.stop()).toBe(0);
});

function startReplica(identity: string): Promise<OperatorProcess> {
  const leadership = ['--leader-elect', '--namespace=default', `--identity=${identity}`];
  return startOperator(apiServer.kubeconfigPath, [...operatorArgs, ...leadership]);
}

test('of two replicas one works, and the other goes on at once when the first is stopped', async () => {
  const namespace = await newNamespace('replicas');
  operator = await startReplica('first');
  await apply(namespace, 'orders', ordersSpec);
  await untilChildren(namespace, ordersChildren);
  const second = await startReplica('second');
  expect(await second.passes()).toBe(0);

  const first = operator;
  operator = second;
  expect(await first.stop()).toBe(0);
  await apply(namespace, 'orders', { ...ordersSpec, command: { replicas: 3 } });
  await eventually('three command replicas', soonMs, async () => {
    const live = await find<Deployment>(builtin.deployment, namespace, 'orders-command');
    return live?.spec.replicas === 3;
  });
});

test('a Secret of somebody else is read as it is, or told of, and never written', async () => {
  const namespace = await newNamespace('secret');
  const labels = { 'app.kubernetes.io/managed-by': 'Helm' };
  const make = (name: string, keys: readonly string[]): Promise<KubeObject> =>
    admin.create(builtin.secret, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace, labels },
      data: Object.fromEntries(keys.map((key) => [key, 'eA=='])),
    });
  const before = [
    await make('orders-redis', ['redis-password', 'theirs']),
    await make('orders-postgres', ['theirs']),
    await make('cqrs-consistency', ['token-key', 'theirs']),
  ];
  await apply(namespace, 'orders', { ...ordersSpec, deletionPolicy: 'Delete' });
  const message = await untilCondition(namespace, 'orders', {
    type: 'Stalled',
    status: 'True',
    reason: 'NameTaken',
  });
  expect(message).toContain('Secret orders-postgres');
  expect(await find(builtin.statefulSet, namespace, 'orders-redis')).toBeDefined();
  for (const { metadata } of before) {
    const live = await admin.get(builtin.secret, { namespace, name: metadata.name });
    expect(live.metadata.resourceVersion).toBe(metadata.resourceVersion);
  }
});
