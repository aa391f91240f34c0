import type { IncomingMessage } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { customResourceDefinition } from '../../operator/src/api/v1alpha1/crd.ts';
import {
  exampleService,
  orderHistorySpec,
  ordersSpec,
  paymentsSpec,
  wholeService,
} from '../../operator/src/api/v1alpha1/example-services.ts';
import { cqrsServiceType, type CqrsService } from '../../operator/src/api/v1alpha1/schema.ts';
import { hasCommand, hasQuery } from '../../operator/src/api/v1alpha1/service-kinds.ts';
import { isContained } from '../../operator/src/kube/applied.ts';
import type { KubeObject } from '../../operator/src/kube/object.ts';
import {
  apiVersionOf,
  builtin,
  resourcePath,
  type ResourceType,
} from '../../operator/src/kube/resource-type.ts';
import { commandDeployment } from '../../operator/src/resources/command-deployment.ts';
import * as configMaps from '../../operator/src/resources/config-maps.ts';
import { consistencySecret } from '../../operator/src/resources/consistency-secret.ts';
import type { ResourceContext } from '../../operator/src/resources/context.ts';
import { commandHpa } from '../../operator/src/resources/command-hpa.ts';
import { projectorHpa } from '../../operator/src/resources/projector-hpa.ts';
import { queryHpa } from '../../operator/src/resources/query-hpa.ts';
import { kafkaConfigMap } from '../../operator/src/resources/kafka-config-map.ts';
import { kafkaStatefulSet } from '../../operator/src/resources/kafka-stateful-set.ts';
import { commandPdb, queryPdb } from '../../operator/src/resources/pod-disruption-budgets.ts';
import { postgresConfigMap } from '../../operator/src/resources/postgres-config-map.ts';
import { postgresSecret } from '../../operator/src/resources/postgres-secret.ts';
import { postgresStatefulSet } from '../../operator/src/resources/postgres-stateful-set.ts';
import type { PodTemplate } from '../../operator/src/resources/pod-template.ts';
import { projectorDeployment } from '../../operator/src/resources/projector-deployment.ts';
import { queryDeployment } from '../../operator/src/resources/query-deployment.ts';
import { redisConfigMap } from '../../operator/src/resources/redis-config-map.ts';
import { redisSecret } from '../../operator/src/resources/redis-secret.ts';
import { redisStatefulSet } from '../../operator/src/resources/redis-stateful-set.ts';
import { relayDeployment } from '../../operator/src/resources/relay-deployment.ts';
import * as services from '../../operator/src/resources/services.ts';
import { dataVolumeName } from '../../operator/src/resources/stateful-set.ts';
import { topicCleanupJob } from '../../operator/src/resources/topic-cleanup-job.ts';
import { startApiServer, type ApiServer } from '../support/apiserver.ts';
import { eventually } from '../support/eventually.ts';

type Answer = {
  readonly status: number;
  readonly warnings: readonly string[];
  readonly body: KubeObject & {
    readonly message?: string;
    readonly spec?: CqrsService['spec'];
    readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
  };
};

let apiServer: ApiServer;
let credentials: RequestOptions;

const namespace = 'shop';
const crdMsMax = 10_000;
const applyQuery = '?fieldManager=test&force=true&fieldValidation=Strict';

beforeAll(async () => {
  apiServer = await startApiServer();
  credentials = {};
  await apiServer.kubeConfig.applyToHTTPSOptions(credentials);
  const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  // Workloads are never refused for their pods; they are warned about, if the namespace asks for it.
  const labels = { ...restricted, 'pod-security.kubernetes.io/warn': 'restricted' };
  await apply(builtin.namespace, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels },
  });
  await apply(builtin.customResourceDefinition, customResourceDefinition());
  await eventually('the CRD', crdMsMax, async () => (await crdCondition('Established')) === 'True');
});

afterAll(() => apiServer?.stop());

/** One request with the answer's warnings, which the operator's own client does not hand out. */
async function call(
  method: string,
  path: string,
  sent: { readonly body?: unknown; readonly accept?: string } = {},
): Promise<Answer> {
  const contentType = method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json';
  const headers = { 'content-type': contentType, accept: sent.accept ?? 'application/json' };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const target = { ...credentials, host: '127.0.0.1', port: apiServer.port, path, method, headers };
  const outgoing = request(target, resolve).on('error', reject);
  outgoing.end(sent.body === undefined ? undefined : JSON.stringify(sent.body));
  const answer = await promise;
  return {
    status: answer.statusCode ?? 0,
    warnings: answer.headersDistinct['warning'] ?? [],
    body: (await json(answer)) as Answer['body'],
  };
}

function apply(type: ResourceType, object: KubeObject, query = applyQuery): Promise<Answer> {
  return call('PATCH', resourcePath(type, object.metadata) + query, { body: object });
}

async function crdCondition(type: string): Promise<string | undefined> {
  const { name } = customResourceDefinition().metadata;
  const { body } = await call('GET', resourcePath(builtin.customResourceDefinition, { name }));
  return body.status?.conditions?.find((condition) => condition.type === type)?.status;
}

function written(name: string, spec: unknown): KubeObject {
  const { kind } = cqrsServiceType;
  return {
    apiVersion: apiVersionOf(cqrsServiceType),
    kind,
    metadata: { name, namespace },
    spec,
  } as KubeObject;
}

/** Creates it for good only when `keep` is given. */
function submit(name: string, spec: unknown, keep?: 'keep'): Promise<Answer> {
  const dryRun = keep === undefined ? '&dryRun=All' : '';
  const path = resourcePath(cqrsServiceType, { namespace });
  return call('POST', `${path}?fieldValidation=Strict${dryRun}`, { body: written(name, spec) });
}

const longField = (place: number): string => `f${place}`.padEnd(63, 'x');

describe('the CRD', () => {
  test('is structural', async () => {
    expect(await crdCondition('NonStructuralSchema')).toBeUndefined();
    expect(await crdCondition('NamesAccepted')).toBe('True');
  });

  test.each([
    { name: 'orders', spec: ordersSpec },
    { name: 'payments', spec: paymentsSpec },
    { name: 'order-history', spec: orderHistorySpec },
    { name: 'coded', spec: codedSpec },
  ])('takes $name and fills in what the schema says', async ({ name, spec }) => {
    const answer = await submit(name, spec);
    expect(answer).toMatchObject({ status: 201, warnings: [] });
    expect(answer.body.spec).toEqual(exampleService(name, spec).spec);
  });

  test('takes a name of 40 characters and every list at its longest', async () => {
    const names = Array.from({ length: 20 }, (_, place) => `a${place}`);
    const others = names.slice(1, 10).map((aggregate, place) => {
      const as = longField(place);
      return { service: 'b'.repeat(40), aggregate, key: as, as, many: true };
    });
    const four = [0, 1, 2, 3].map(longField);
    const indexes = names.slice(0, 10).map(() => ({ by: four, order: four }));
    const answer = await submit('n'.repeat(40), {
      aggregates: names.map((name) => ({
        name,
        schema: { type: 'object' },
        behavior: { module: `/${'m'.repeat(249)}.ts` },
      })),
      command: {
        image: 'i'.repeat(255),
        env: Array.from({ length: 50 }, (_, place) => ({
          name: longField(place),
          value: 'v'.repeat(4096),
        })),
      },
      query: {
        views: names.map((name) => ({ name, sources: [{ aggregate: name }, ...others], indexes })),
      },
    });
    expect(answer.body.message ?? answer.status).toBe(201);
  });

  test('shows the columns that people look at', async () => {
    await submit('columns', ordersSpec, 'keep');
    const path = resourcePath(cqrsServiceType, {
      namespace,
      name: 'columns',
      subresource: 'status',
    });
    const status = {
      observedGeneration: 1,
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Available',
          message: 'Everything runs.',
          observedGeneration: 1,
          lastTransitionTime: '2026-08-20T12:00:00Z',
        },
      ],
      command: { ready: '2/2', url: 'http://columns-command.shop.svc' },
      query: {
        ready: '3/3',
        url: 'http://columns-query.shop.svc',
        desiredReplicas: 4,
        readsPerSecond: 1234,
      },
      projection: {
        lag: '120 / 1.4s',
        lagEvents: 120,
        lagSeconds: 1.4,
        views: [
          {
            name: 'orders',
            lagEvents: 120,
            lagSeconds: 1.4,
            haltedPartitions: 0,
            haltedKeys: 1,
            behind: [{ topicPartition: 'shop.columns.order/3', lagEvents: 120, lagSeconds: 1.4 }],
          },
        ],
      },
    };
    const reported = { ...written('columns', undefined), status };
    const taken = await call('PATCH', path + applyQuery, { body: reported });
    expect(taken.body.status).toEqual(status);
    expect(await columnsOf('columns')).toMatchObject({
      Name: 'columns',
      Ready: 'True',
      Command: '2/2',
      Query: '3/3',
      Desired: 4,
      'Reads/s': 1234,
      Lag: '120 / 1.4s',
      Reason: 'Available',
      Message: 'Everything runs.',
    });
  });
});

/** What `kubectl get` prints, by column. */
async function columnsOf(name: string): Promise<Record<string, unknown>> {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const { body } = await call('GET', resourcePath(cqrsServiceType, { namespace, name }), {
    accept,
  });
  const { columnDefinitions, rows } = body as unknown as {
    columnDefinitions: { name: string }[];
    rows: { cells: unknown[] }[];
  };
  return Object.fromEntries(
    columnDefinitions.map((one, place) => [one.name, rows[0]?.cells[place]]),
  );
}

type Spec = { readonly [field: string]: unknown };

const order = { aggregate: 'order' };
const payment = { service: 'payments', aggregate: 'payment' };
const view = (fields: Spec): Spec => ({
  query: { views: [{ name: 'orders', sources: [order], ...fields }] },
});
const joined = (...others: Spec[]): Spec => view({ sources: [order, ...others] });
const aggregateNamed = (name: string): Spec => ({
  aggregates: [{ name, schema: { type: 'object' } }],
  query: undefined,
});

const behaves = (behavior: Spec, command: Spec = {}): Spec => ({
  aggregates: [{ ...ordersSpec.aggregates[0], behavior }],
  command,
});

describe('a wrong spec is refused with a sentence that says what to change', () => {
  test.each<[string, Spec, string]>([
    [
      'neither side',
      { aggregates: undefined, command: undefined, query: undefined },
      'give "command" (with "aggregates") for a write side, "query" for a read side, or both',
    ],
    ['a write side without aggregates', { aggregates: undefined }, '"command" needs "aggregates"'],
    [
      'aggregates that cannot be written',
      { command: undefined },
      '"aggregates" need "command" to be written: add "command: {}"',
    ],
    [
      'an empty list of aggregates',
      { aggregates: [] },
      'spec.aggregates in body should have at least 1 items',
    ],
    [
      'the same aggregate twice',
      { aggregates: [...ordersSpec.aggregates, ...ordersSpec.aggregates] },
      'spec.aggregates[1]: Duplicate value',
    ],
    [
      'an aggregate in capitals',
      aggregateNamed('Order'),
      'spec.aggregates[0].name: Invalid value: "Order": use lower-case letters, digits and dashes',
    ],
    [
      'an aggregate with a dot',
      aggregateNamed('order.item'),
      'use lower-case letters, digits and dashes',
    ],
    [
      'an aggregate of 41 characters',
      aggregateNamed('o'.repeat(41)),
      'spec.aggregates[0].name: Too long: may not be more than 40',
    ],
    [
      'a schema that is no object',
      { aggregates: [{ name: 'order', schema: { type: 'string' } }] },
      'write "type: object" and put its fields under "properties"',
    ],
    [
      'a schema without a type',
      { aggregates: [{ name: 'order', schema: { properties: {} } }] },
      'write "type: object" and put its fields under "properties"',
    ],
    [
      'an aggregate without a schema',
      { aggregates: [{ name: 'order' }] },
      'spec.aggregates[0].schema: Required value',
    ],
    ['an unknown field', { command: { picture: 'mine' } }, 'unknown field "spec.command.picture"'],
    [
      'no command replicas',
      { command: { replicas: 0 } },
      'spec.command.replicas in body should be greater than or equal to 1',
    ],
    [
      'a volume without a unit',
      { command: { postgres: { storage: '10' } } },
      'spec.command.postgres.storage: Invalid value: "10": give a whole number with Mi, Gi or Ti',
    ],
    [
      'memory in a unit that does not exist',
      { command: { resources: { limits: { memory: '1Gb' } } } },
      'spec.command.resources.limits.memory: Invalid value: "1Gb": give a Kubernetes quantity',
    ],
    [
      'a negative amount of CPU',
      { command: { resources: { requests: { cpu: -1 } } } },
      'give a Kubernetes quantity',
    ],
    [
      'no partitions',
      { events: { partitions: 0 } },
      'spec.events.partitions in body should be greater than or equal to 1',
    ],
    [
      'a retention that is no duration',
      { events: { retention: 'a week' } },
      'spec.events.retention: Invalid value: "a week": give "forever", "compact", or a duration',
    ],
    ['a query side without views', { query: {} }, 'spec.query.views: Required value'],
    [
      'two views of one name',
      {
        query: {
          views: [
            { name: 'orders', sources: [order] },
            { name: 'orders', sources: [order] },
          ],
        },
      },
      'spec.query.views[1]: Duplicate value',
    ],
    [
      'a view without sources',
      view({ sources: [] }),
      'spec.query.views[0].sources in body should have at least 1 items',
    ],
    [
      'an aggregate that this service lacks',
      view({ sources: [{ aggregate: 'ordr' }] }),
      'add it to "aggregates", or name its owner in "service"',
    ],
    [
      'a root that joins something',
      view({ sources: [{ ...payment, key: 'orderId', as: 'payment' }] }),
      'the first source is the root, whose id is the document’s key',
    ],
    [
      'a second root',
      joined(payment),
      'only the first source is the root: give every other one "as" and either "key" or "lookup"',
    ],
    [
      'a join in two ways',
      joined({ ...payment, key: 'orderId', lookup: 'paymentId', as: 'payment' }),
      'keep "key" (a part names its document) or "lookup" (the document names it), not both',
    ],
    [
      'a join that shows nowhere',
      joined({ ...payment, key: 'orderId' }),
      'needs "as", the field of the document it shows under',
    ],
    [
      'a place without a join',
      joined({ ...payment, as: 'payment' }),
      'a source with "as" needs "key"',
    ],
    [
      'two sources in one place',
      joined(
        { ...payment, key: 'orderId', as: 'payment' },
        { service: 'refunds', aggregate: 'refund', key: 'orderId', as: 'payment' },
      ),
      'two sources show under the same field: give each its own "as"',
    ],
    [
      'a source in the place of the id',
      joined({ ...payment, key: 'orderId', as: 'id' }),
      'choose another name for "as"',
    ],
    [
      'many of a lookup',
      joined({ ...payment, lookup: 'paymentId', as: 'payment', many: true }),
      '"many" goes with "key" only',
    ],
    [
      'a nested field',
      joined({ ...payment, key: 'order.id', as: 'payment' }),
      'nested paths are not supported',
    ],
    [
      'an empty index',
      view({ indexes: [{}] }),
      'an empty index answers nothing: give "by", "order" or both',
    ],
    [
      'an index by a parameter of every list',
      view({ indexes: [{ by: ['limit'] }] }),
      'are parameters of every list request: index other fields',
    ],
    [
      'an index by a field twice',
      view({ indexes: [{ by: ['a', 'a'] }] }),
      'indexes[0].by[1]: Duplicate value: "a"',
    ],
    [
      'an order that is no field',
      view({ indexes: [{ order: ['+placedAt'] }] }),
      'with "-" in front for descending',
    ],
    [
      'more indexed fields than four',
      view({ indexes: [{ by: ['a', 'b', 'c', 'd', 'e'] }] }),
      'must have at most 4 items',
    ],
    [
      'fewer pods at most than at least',
      { query: { ...ordersSpec.query, autoscaling: { minReplicas: 5, maxReplicas: 4 } } },
      'minReplicas must not exceed maxReplicas',
    ],
    [
      'command pods at most that are fewer than at least',
      { command: { replicas: 5, autoscaling: { maxReplicas: 4 } } },
      'replicas must not exceed autoscaling.maxReplicas: lower the first or raise the second',
    ],
    [
      'a projector without pods',
      { query: { ...ordersSpec.query, projector: { maxReplicas: 0 } } },
      'maxReplicas in body should be greater than or equal to 1',
    ],
    [
      'pods that answer nothing',
      { query: { ...ordersSpec.query, autoscaling: { readsPerSecond: 0 } } },
      'readsPerSecond in body should be greater than or equal to 1',
    ],
    [
      'a behavior in two places',
      behaves({ configMap: { name: 'mine', key: 'order.ts' }, module: '/app/order.ts' }),
      'a module is in one place: give either "configMap" or "module"',
    ],
    ['a behavior nowhere', behaves({}), 'give either "configMap" or "module"'],
    [
      'a module without an image that holds it',
      behaves({ module: '/app/order.ts' }),
      'give "command.image", or put the module into a ConfigMap',
    ],
    [
      'a module that is no path',
      behaves({ module: 'order.ts' }, { image: 'shop/orders:1' }),
      'give the absolute path of a module that ends in .ts, .mts, .js or .mjs',
    ],
    [
      'a module in a language that Node does not run',
      behaves({ configMap: { name: 'mine', key: 'Order.java' } }),
      'name a key that ends in .ts, .mts, .js or .mjs',
    ],
    [
      'a key that leaves its folder',
      behaves({ configMap: { name: 'mine', key: '../order.ts' } }),
      'name a key that ends in .ts, .mts, .js or .mjs',
    ],
    [
      'a ConfigMap of a name that none can have',
      behaves({ configMap: { name: 'My_Map', key: 'order.ts' } }),
      'give the name of an object of this namespace',
    ],
    [
      'an image that is no reference',
      { command: { image: 'my image' } },
      'give the reference of an image',
    ],
    [
      'a variable that the operator sets',
      { command: { env: [{ name: 'CQRS_POSTGRES_HOST', value: 'mine' }] } },
      'names with CQRS_ and OTEL_ are set by the operator: choose another name',
    ],
    [
      'a variable that no shell could name',
      { command: { env: [{ name: 'my-currency', value: 'EUR' }] } },
      'name a variable with letters, digits and underscores',
    ],
    [
      'a variable twice',
      { command: { env: ['EUR', 'USD'].map((value) => ({ name: 'CURRENCY', value })) } },
      'spec.command.env[1]: Duplicate value',
    ],
    [
      'a policy for poison that does not exist',
      view({ poison: 'skip' }),
      'Unsupported value: "skip": supported values: "halt", "dead-letter"',
    ],
    [
      'traces to nowhere',
      { telemetry: { otlp: { endpoint: 'collector:4318' } } },
      'give the URL of an OTLP/HTTP endpoint, as in "http://collector.observe.svc:4318"',
    ],
    ['traces without an endpoint', { telemetry: {} }, 'spec.telemetry.otlp: Required value'],
    [
      'more traces than there are',
      { telemetry: { otlp: { endpoint: 'http://collector:4318' }, sampleRatio: 2 } },
      'spec.telemetry.sampleRatio in body should be less than or equal to 1',
    ],
    [
      'a key that no Secret can have',
      {
        telemetry: {
          otlp: { endpoint: 'http://a', headersSecret: { name: 'collector', key: 'a/b' } },
        },
      },
      'name a key of the Secret with letters, digits',
    ],
    [
      'a policy that does not exist',
      { deletionPolicy: 'Keep' },
      'Unsupported value: "Keep": supported values: "Retain", "Delete"',
    ],
  ])('%s', async (_, change, sentence) => {
    const { status, body } = await submit('orders', { ...ordersSpec, ...change });
    expect({ status: Math.floor(status / 100), message: body.message }).toEqual({
      status: 4,
      message: expect.stringContaining(sentence),
    });
  });

  test.each(['orders.v2', '9orders', 'o'.repeat(41)])('the name %s', async (name) => {
    const { status, body } = await submit(name, ordersSpec);
    expect({ status, message: body.message }).toEqual({
      status: 422,
      message: expect.stringContaining('at most 40 lower-case letters, digits and dashes'),
    });
  });
});

describe('what is fixed once it exists', () => {
  beforeAll(() => submit('fixed', ordersSpec, 'keep'));

  test.each<[string, Spec, string]>([
    ['the partitions', { events: { partitions: 24 } }, 'partitions are fixed for life'],
    [
      'the size of the Postgres volume',
      { command: { postgres: { storage: '2Gi' } } },
      'the size of a volume is fixed once it exists',
    ],
    [
      'the size of the Kafka volume',
      { events: { kafka: { storage: '2Gi' } } },
      'the size of a volume is fixed',
    ],
    [
      'the size of the Redis volume',
      { query: { ...ordersSpec.query, redis: { storage: '2Gi' } } },
      'the size of a volume is fixed',
    ],
    [
      'the write side',
      { aggregates: undefined, command: undefined, query: orderHistorySpec.query },
      '"command" cannot be removed, since it holds the data',
    ],
  ])('%s', async (_, change, sentence) => {
    const { status, body } = await replace('fixed', { ...ordersSpec, ...change });
    expect({ status, message: body.message }).toEqual({
      status: 422,
      message: expect.stringContaining(sentence),
    });
  });

  test('but the rest may change', async () => {
    const changed = {
      ...ordersSpec,
      command: { replicas: 3 },
      events: { retention: '7d' },
      deletionPolicy: 'Delete',
      suspend: true,
    };
    expect((await replace('fixed', changed)).status).toBe(200);
  });
});

async function replace(name: string, spec: Spec): Promise<Answer> {
  const path = resourcePath(cqrsServiceType, { namespace, name });
  const { body: live } = await call('GET', path);
  const query = '?fieldValidation=Strict&dryRun=All';
  return call('PUT', path + query, { body: { ...live, spec } });
}

describe('what the operator makes of it', () => {
  const context: ResourceContext = {
    images: {
      services: 'cqrs/services:1',
      postgres: 'postgres:17',
      kafka: 'apache/kafka:4.1.1',
      redis: 'redis:8',
      pullPolicy: 'IfNotPresent',
      pullSecrets: ['registry'],
    },
    logLevel: 'info',
    siblings: new Map(),
    outside: { behaviors: { order: 'hash' }, tokenKey: 'hash' },
  };
  const kinds = Object.values(builtin);
  const objects = builderOutputs(context).map((object) => ({
    type: kinds.find((kind) => kind.kind === object.kind) ?? builtin.pod,
    object,
    title: `${object.kind} ${object.metadata.name}`,
  }));

  test.each(objects)('$title is taken as it is, without a warning', async ({ type, object }) => {
    const { status, warnings, body } = await apply(type, object, `${applyQuery}&dryRun=All`);
    expect({ status, warnings, message: body.message }).toEqual({ status: 201, warnings: [] });
    expect(isContained(object, body)).toBe(true);
  });

  const templates = objects.flatMap(({ title, object }) => {
    const template = templateOf(object);
    return template === undefined ? [] : [{ title, template }];
  });

  test.each(templates)('a pod of $title is admitted', async ({ template }) => {
    const { status, warnings, body } = await tryPod(template.spec);
    expect({ status, warnings, message: body.message }).toEqual({ status: 201, warnings: [] });
  });

  test('a pod that may run as root is not, so the namespace does judge', async () => {
    const [first] = templates;
    const { securityContext: _, ...unsecured } = first?.template.spec ?? {};
    const { status, body } = await tryPod(unsecured);
    expect(status).toBe(403);
    expect(body.message).toContain('violates PodSecurity "restricted');
  });
});

/** A StatefulSet's pod gets its claimed volume from the controller, so here it gets another. */
function tryPod(spec: Partial<PodTemplate['spec']>): Promise<Answer> {
  const volumes = [...(spec.volumes ?? []), { name: dataVolumeName, emptyDir: {} }];
  const metadata = { name: 'from-template', namespace };
  const body = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...spec, volumes } };
  const path = resourcePath(builtin.pod, { namespace });
  return call('POST', `${path}?fieldValidation=Strict&dryRun=All`, { body });
}

/** Everything that has a value of its own only where it is written. */
const codedSpec = {
  aggregates: [
    {
      ...ordersSpec.aggregates[0],
      behavior: { configMap: { name: 'order-behavior', key: 'order.ts' } },
    },
    { ...paymentsSpec.aggregates[0], behavior: { module: '/app/payment.mjs' } },
  ],
  command: { image: 'registry.example/shop/orders:1', env: [{ name: 'CURRENCY', value: 'EUR' }] },
  query: {
    views: [{ name: 'orders', sources: [{ aggregate: 'order' }], poison: 'dead-letter' }],
  },
  telemetry: {
    otlp: {
      endpoint: 'https://collector.observe.svc:4318/v1',
      headersSecret: { name: 'collector', key: 'headers' },
    },
    sampleRatio: 0.1,
  },
} as const;

function templateOf(object: KubeObject): PodTemplate | undefined {
  return (object as KubeObject & { spec?: { template?: PodTemplate } }).spec?.template;
}

function builderOutputs(context: ResourceContext): readonly KubeObject[] {
  const orders = wholeService('orders', ordersSpec);
  const payments = exampleService('payments', { ...paymentsSpec, suspend: true });
  const history = exampleService('order-history', {
    ...orderHistorySpec,
    deletionPolicy: 'Delete',
  });
  const coded = exampleService('coded', codedSpec);
  const java = exampleService('java', { ...paymentsSpec, command: { image: 'shop/java:1' } });
  const users = [orders, payments, history, coded, java] as const;
  return [
    kafkaConfigMap(users),
    services.kafkaService(users),
    kafkaStatefulSet(users, { images: context.images, observed: undefined }),
    consistencySecret(users, 'a key'),
    topicCleanupJob(orders, context),
    ...users.flatMap((service) => [
      ...(hasCommand(service)
        ? [
            postgresSecret(service, { postgres: 'a', command: 'b', relay: 'c' }),
            postgresConfigMap(service),
            services.postgresService(service),
            postgresStatefulSet(service, context),
            configMaps.commandConfigMap(service),
            services.commandService(service),
            commandDeployment(service, context),
            commandPdb(service),
            ...commandHpa(service),
            configMaps.relayConfigMap(service),
            relayDeployment(service, context),
          ]
        : []),
      ...(hasQuery(service)
        ? [
            redisSecret(service, { redis: 'd' }),
            redisConfigMap(service),
            services.redisService(service),
            redisStatefulSet(service, context),
            configMaps.projectorConfigMap(service, context.siblings),
            projectorDeployment(service, context),
            configMaps.queryConfigMap(service, context.siblings),
            services.queryService(service),
            queryDeployment(service, context, undefined),
            queryPdb(service),
            queryHpa(service, { replicas: 0 }, 'reads'),
            queryHpa(service, { replicas: 0 }, 'cpu'),
            projectorHpa(service, context.siblings),
          ]
        : []),
    ]),
  ];
}
