/**
 * The operator under the rights that its chart gives, on an API server that asks for every one of them: without
 * WatchList, so that lists are needed, and with the plugin that guards owner references.
 */
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ordersSpec, paymentsSpec } from '../../operator/src/api/v1alpha1/example-services.ts';
import { cqrsServiceType, type CqrsService } from '../../operator/src/api/v1alpha1/schema.ts';
import type { KubeObject, Manifest } from '../../operator/src/kube/object.ts';
import { apiVersionOf, builtin, type ResourceType } from '../../operator/src/kube/resource-type.ts';
import type { AuditEvent } from '../support/audit-log.ts';
import {
  grantRights,
  releaseNamespace,
  renderRights,
  serviceAccountKubeconfig,
  userOf,
  type Right,
} from '../support/chart-rights.ts';
import { freePort } from '../support/loopback-port.ts';
import {
  launchOperator,
  startOperator,
  type OperatorProcess,
} from '../support/operator-process.ts';
import {
  childTypes,
  startOperatorWorld,
  tellOnFailure,
  type OperatorWorld,
} from '../support/operator-world.ts';
import { eventually } from '../support/eventually.ts';
import { playReader } from '../support/played-reader.ts';

const soonMs = 30_000;
// A repeated Event is written every 30 s at most.
const eventSeriesMsMax = 60_000;
const apiServiceName = 'v1beta2.custom.metrics.k8s.io';

let world: OperatorWorld;

beforeAll(async () => {
  world = await startOperatorWorld({
    audit: true,
    args: [
      '--feature-gates=WatchList=false',
      '--enable-admission-plugins=OwnerReferencesPermissionEnforcement',
    ],
  });
});

afterAll(() => world?.stop());

function manifest(type: ResourceType, metadata: KubeObject['metadata'], rest: object): Manifest {
  return { apiVersion: apiVersionOf(type), kind: type.kind, metadata, ...rest };
}

/** The chart's APIService, and a Service that leads to this machine, since there is no pod. */
async function createWayToMetricsApi(port: number): Promise<void> {
  const { admin } = world;
  const ref = { namespace: releaseNamespace, name: 'cqrs-operator' };
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const host = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
  await admin.create(
    builtin.apiService,
    manifest(
      builtin.apiService,
      { name: apiServiceName },
      {
        spec: {
          group: 'custom.metrics.k8s.io',
          version: 'v1beta2',
          service: { ...ref, port: 443 },
          groupPriorityMinimum: 100,
          versionPriority: 1,
        },
      },
    ),
  );
  const ports = [{ name: 'metrics-api', port: 443 }];
  await admin.create(builtin.service, manifest(builtin.service, ref, { spec: { ports } }));
  const labels = { 'kubernetes.io/service-name': ref.name };
  await admin.create(
    builtin.endpointSlice,
    manifest(
      builtin.endpointSlice,
      { ...ref, labels },
      {
        addressType: 'IPv4',
        ports: [{ name: 'metrics-api', port, protocol: 'TCP' }],
        endpoints: [{ addresses: [host?.address], conditions: { ready: true } }],
      },
    ),
  );
}

async function requestsOf(serviceAccount: string): Promise<readonly AuditEvent[]> {
  const events = await world.apiServer.audit();
  return events.filter(({ user }) => user.username === userOf(serviceAccount));
}

async function refusalsOf(serviceAccount: string): Promise<readonly string[]> {
  const refused = (await requestsOf(serviceAccount)).filter(({ responseStatus }) =>
    [401, 403].includes(responseStatus?.code ?? 0),
  );
  return refused.map(({ verb, requestURI, responseStatus }) =>
    [verb, requestURI, responseStatus?.message].join(' '),
  );
}

async function untilEvent(namespace: string, reason: string, count: number): Promise<void> {
  type Series = KubeObject & { reason: string; series?: { count: number } };
  await eventually(`${count} events ${reason}`, eventSeriesMsMax, async () => {
    const { items } = await world.admin.list<Series>(builtin.event, { namespace });
    return items.some((event) => event.reason === reason && (event.series?.count ?? 1) >= count);
  });
}

async function untilStalled(namespace: string, status: 'True' | 'False'): Promise<void> {
  await eventually(`Stalled to be ${status}`, soonMs, async () => {
    const service = await world.find<CqrsService>(cqrsServiceType, namespace, 'orders');
    const found = service?.status?.conditions?.find(({ type }) => type === 'Stalled');
    return (
      found?.status === status &&
      service?.status?.observedGeneration === service?.metadata.generation
    );
  });
}

async function untilGone(type: ResourceType, namespace: string, name: string): Promise<void> {
  await eventually(`${type.kind} ${name} to be gone`, soonMs, async () => {
    return (await world.find(type, namespace, name)) === undefined;
  });
}

/** A life of a CqrsService in which everything happens that the operator has a hand in. */
async function liveThrough(namespace: string): Promise<void> {
  const orders = { namespace, name: 'orders' };
  const spec = { ...ordersSpec, deletionPolicy: 'Delete' };
  await world.apply(orders, spec);
  await eventually('the children', soonMs, async () => {
    return Object.keys(await world.children(namespace)).length >= 25;
  });
  await untilDriftIsHealed(namespace);
  await untilBurstIsFollowed(namespace);
  await untilEventsAreAskedAbout({ namespace, name: 'orders-postgres' });
  const schema = { type: 'object', properties: { total: { type: 'amount' } } };
  const broken = { ...spec, aggregates: [{ name: 'order', schema }] };
  for (let times = 0; times < 2; times += 1) {
    await world.apply(orders, broken);
    await untilStalled(namespace, 'True');
    await world.apply(orders, spec);
    await untilStalled(namespace, 'False');
  }
  await untilEvent(namespace, 'SchemaInvalid', 2);
  const { query: _query, ...written } = spec;
  await world.apply(orders, written);
  await untilGone(builtin.statefulSet, namespace, 'orders-redis');
  await world.admin.delete(cqrsServiceType, orders);
  const job = await eventually('the cleanup Job', soonMs, () =>
    world.find(builtin.job, namespace, 'orders-topic-cleanup'),
  );
  await completeJob(job);
  await untilGone(cqrsServiceType, namespace, 'orders');
}

async function untilBurstIsFollowed(namespace: string): Promise<void> {
  type Deployment = KubeObject & { spec: { replicas: number } };
  const reader = await playReader(world.admin, {
    namespace,
    address: '127.77.9.1',
    readsPerSecond: 5_000,
  });
  await eventually('the burst to be followed', soonMs, async () => {
    const found = await world.find<Deployment>(builtin.deployment, namespace, 'orders-query');
    return (found?.spec.replicas ?? 0) > 1;
  });
  await reader.stop();
}

/** Every child as it was made, after somebody changed it. */
async function untilDriftIsHealed(namespace: string): Promise<void> {
  const { admin } = world;
  const label = 'app.kubernetes.io/component';
  for (const type of childTypes) {
    const { items } = await admin.list(type, { namespace, labelSelector: label });
    for (const { metadata } of items) {
      await admin.mergePatch(type, metadata, { metadata: { labels: { [label]: 'meddled' } } });
      await eventually(`${type.kind} ${metadata.name} to be healed`, soonMs, async () => {
        const live = await admin.get(type, metadata);
        return live.metadata.labels?.[label] === metadata.labels?.[label];
      });
    }
  }
}

/** As when a quota refuses every pod of a StatefulSet: why, only an Event tells. */
async function untilEventsAreAskedAbout(ref: { namespace: string; name: string }): Promise<void> {
  const status = { observedGeneration: 1, replicas: 0, readyReplicas: 0 };
  await world.admin.mergePatch(builtin.statefulSet, ref, { status }, { subresource: 'status' });
  await eventually('Events to be asked about', soonMs, async () => {
    return (await world.apiServer.audit()).some(
      ({ verb, objectRef }) =>
        verb === 'list' &&
        objectRef?.resource === 'events' &&
        objectRef.namespace === ref.namespace,
    );
  });
}

async function completeJob({ metadata }: KubeObject): Promise<void> {
  const now = new Date().toISOString();
  const condition = (type: string) => ({ type, status: 'True', lastTransitionTime: now });
  const status = {
    startTime: now,
    completionTime: now,
    succeeded: 1,
    uncountedTerminatedPods: {},
    conditions: [condition('SuccessCriteriaMet'), condition('Complete')],
  };
  await world.admin.mergePatch(builtin.job, metadata, { status }, { subresource: 'status' });
}

/** `verb group/resource (names)` of everything that the rules allow one by one. */
function allowed(rights: readonly Right[]): readonly Allowed[] {
  return rights.flatMap(({ kind, metadata, rules = [] }) =>
    // What people are given is not the operator's.
    /-(edit|view)$/.test(metadata.name)
      ? []
      : rules.flatMap((rule) =>
          rule.apiGroups.flatMap((group) =>
            rule.resources.flatMap((resource) =>
              rule.verbs.map((verb) => ({
                verb,
                group,
                resource,
                names: rule.resourceNames,
                role: `${kind} ${metadata.name}`,
              })),
            ),
          ),
        ),
  );
}

type Allowed = {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly names: readonly string[] | undefined;
  readonly role: string;
};

function isUse(event: AuditEvent, right: Allowed): boolean {
  const { objectRef: of, responseStatus } = event;
  const resource = [of?.resource, of?.subresource].filter((part) => part !== undefined).join('/');
  const code = responseStatus?.code ?? 0;
  // A patch that makes the object needs the right to create it.
  const verbs = event.verb === 'patch' && code === 201 ? ['patch', 'create'] : [event.verb];
  return (
    code < 400 &&
    verbs.includes(right.verb) &&
    (of?.apiGroup ?? '') === right.group &&
    resource === right.resource &&
    (right.names === undefined || right.names.includes(of?.name ?? ''))
  );
}

// Never asked for by a request of its own: the admission plugin looks for it when a child is made.
const unseen = ['update cqrs.dev/cqrsservices/finalizers'];

function unusedRights(
  rights: readonly Allowed[],
  requests: readonly AuditEvent[],
): readonly string[] {
  const isUsed = (right: Allowed): boolean => requests.some((event) => isUse(event, right));
  return rights
    .filter((right) => {
      // Whoever may list may read as well.
      const lists = { ...right, verb: 'list' };
      return !isUsed(right) && !(right.verb === 'get' && isUsed(lists));
    })
    .map(({ verb, group, resource }) => `${verb} ${group}/${resource}`)
    .filter((right) => !unseen.includes(right));
}

test('the chart’s rights are enough for all that the operator does, and none is left over', async () => {
  const { admin, apiServer } = world;
  const rights = await renderRights();
  await grantRights(admin, rights);
  const port = await freePort();
  await createWayToMetricsApi(port);
  const operator = await startOperator(
    await serviceAccountKubeconfig(admin, apiServer, 'cqrs-operator'),
    [
      '--leader-elect',
      `--namespace=${releaseNamespace}`,
      `--metrics-api-port=${port}`,
      '--pod-status=direct',
    ],
  );
  tellOnFailure(operator);
  const namespace = await world.createNamespace('whole-life');
  await liveThrough(namespace);
  await eventually('the metrics API to be asked', soonMs, async () => {
    const path = `/apis/custom.metrics.k8s.io/v1beta2/namespaces/${namespace}/cqrsservices.cqrs.dev/orders/reads-per-second`;
    await admin.request('GET', path).catch(() => undefined);
    return (await requestsOf('cqrs-operator')).some(
      ({ objectRef }) => objectRef?.resource === 'subjectaccessreviews',
    );
  });
  expect(await operator.stop()).toBe(0);

  expect(await refusalsOf('cqrs-operator')).toEqual([]);
  expect(unusedRights(allowed(rights), await requestsOf('cqrs-operator'))).toEqual([]);
}, 240_000);

async function startRestricted(namespaces: string): Promise<OperatorProcess> {
  const kubeconfig = await serviceAccountKubeconfig(world.admin, world.apiServer, 'restricted');
  const operator = await launchOperator(kubeconfig, [
    '--leader-elect',
    '--lease-name=cqrs-operator',
    `--namespace=${releaseNamespace}`,
    `--watch-namespaces=${namespaces}`,
    '--pod-status=direct',
  ]);
  tellOnFailure(operator);
  return operator;
}

const readiness = async ({ ops }: OperatorProcess): Promise<string> =>
  fetch(`${ops}/readyz`).then(
    (answer) => answer.text(),
    () => '',
  );

test('an operator of two namespaces needs Roles in these alone, and does nothing elsewhere', async () => {
  const { admin } = world;
  for (const name of ['billing', 'shipping', 'elsewhere']) await world.createNamespace(name);
  const rights = await renderRights([
    'watchNamespaces={billing,shipping}',
    'metricsApi.enabled=false',
    'serviceAccount.name=restricted',
  ]);
  const ours = rights.filter(({ metadata }) => !/-(edit|view)$/.test(metadata.name));
  expect(ours.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
  await grantRights(admin, ours);
  await world.apply({ namespace: 'elsewhere', name: 'payments' }, paymentsSpec);
  const operator = await startRestricted('billing,shipping');
  await expect.poll(() => readiness(operator), { timeout: soonMs }).toBe('ok\n');
  await liveThrough('billing');
  await world.apply({ namespace: 'shipping', name: 'payments' }, paymentsSpec);
  await eventually('the children in shipping', soonMs, async () => {
    return (await world.children('shipping'))['Deployment/payments-relay'];
  });
  expect(await operator.stop()).toBe(0);

  expect(await refusalsOf('restricted')).toEqual([]);
  expect(await world.children('elsewhere')).toEqual({});
  const left = await world.find<CqrsService>(cqrsServiceType, 'elsewhere', 'payments');
  // What the API server gives an object that nobody has looked at.
  expect(left?.status).toEqual({ observedGeneration: -1 });
  const places = (await requestsOf('restricted')).map(
    ({ objectRef }) => objectRef?.namespace ?? '',
  );
  expect([...new Set(places)].toSorted()).toEqual(['billing', releaseNamespace, 'shipping']);
}, 180_000);

test('a namespace without the rights is told by /readyz, in the API server’s words', async () => {
  const operator = await startRestricted('billing,elsewhere');
  await expect
    .poll(() => readiness(operator), { timeout: soonMs })
    .toMatch(
      /deployments: not listed yet, because .*forbidden: User "system:serviceaccount:cqrs-system:restricted" cannot .* in the namespace "elsewhere"/,
    );
  expect(await operator.stop()).toBe(0);
});
