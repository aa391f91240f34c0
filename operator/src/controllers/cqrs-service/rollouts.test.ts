/** Which pods each field of the spec, and each setting of the operator, replaces; all others go on as they are. */
import { expect, test } from 'vitest';
import {
  exampleService,
  ordersSpec,
  wholeService,
  type WholeService,
} from '../../api/v1alpha1/example-services.ts';
import type { KubeObject } from '../../kube/object.ts';
import { exampleContext } from '../../resources/example-context.ts';
import { desiredObjects, type Settings } from './desired.ts';
import { exampleObserved } from './example-observed.ts';

type Spec = WholeService['spec'];
type Change = (spec: Spec) => unknown;

const programs = ['command', 'projector', 'query', 'relay'];
const cpu = { requests: { cpu: '2' } };
const [view] = ordersSpec.query.views;
const [order] = ordersSpec.aggregates;
const schema = { ...order.schema, required: ['customerId'] };

const rollouts: readonly (readonly [field: string, change: Change, pods: readonly string[]])[] = [
  [
    'aggregates: another one',
    withAggregates(order, { ...order, name: 'item' }),
    ['command', 'relay'],
  ],
  ['aggregates[].schema', withAggregates({ ...order, schema }), ['command']],
  [
    'aggregates[].behavior',
    withAggregates({ ...order, behavior: { configMap: { name: 'order', key: 'order.ts' } } }),
    ['command'],
  ],
  ['command.replicas', command({ replicas: 5 }), []],
  ['command.image', command({ image: 'shop/orders:1' }), ['command']],
  ['command.env', command({ env: [{ name: 'CURRENCY', value: 'EUR' }] }), ['command']],
  ['command.resources', command({ resources: cpu }), ['command']],
  ['command.postgres.resources', command({ postgres: { resources: cpu } }), ['postgres']],
  // A view knows whether its sources ever drop an event, and the query service answers by it.
  ['events.retention', events({ retention: '30d' }), ['projector', 'query', 'relay']],
  ['query.views: another one', views(view, { ...view, name: 'more' }), ['projector', 'query']],
  [
    'query.views[].indexes',
    views({ ...view, indexes: [{ by: ['total'] }] }),
    ['projector', 'query'],
  ],
  ['query.views[].poison', views({ ...view, poison: 'dead-letter' }), ['projector']],
  ['query.autoscaling', query({ autoscaling: { minReplicas: 2, maxReplicas: 9 } }), []],
  ['query.resources', query({ resources: cpu }), ['query']],
  ['query.redis.resources', query({ redis: { resources: cpu } }), ['redis']],
  [
    'telemetry',
    (spec) => ({ ...spec, telemetry: { otlp: { endpoint: 'http://collector:4318' } } }),
    programs,
  ],
  ['deletionPolicy', (spec) => ({ ...spec, deletionPolicy: 'Delete' }), []],
  // Pods go to zero and come back by the number of replicas alone.
  ['suspend', (spec) => ({ ...spec, suspend: true }), []],
];

function withAggregates(...aggregates: readonly object[]): Change {
  return (spec) => ({ ...spec, aggregates });
}

function command(change: object): Change {
  return (spec) => ({ ...spec, command: { ...spec.command, ...change } });
}

function events(change: object): Change {
  return (spec) => ({ ...spec, events: { ...spec.events, ...change } });
}

function query(change: object): Change {
  return (spec) => ({ ...spec, query: { ...spec.query, ...change } });
}

function views(...written: readonly object[]): Change {
  return query({ views: written });
}

const settings: Settings = {
  images: exampleContext.images,
  logLevel: exampleContext.logLevel,
  newPassword: () => 'never asked for',
  newTokenKey: () => 'never asked for',
};

type Templates = Readonly<Record<string, string>>;

/** The pod templates of a spec, by the component that they run. */
function templates(change: Change = (spec) => spec, given: Partial<Settings> = {}): Templates {
  const { spec } = wholeService('orders', ordersSpec);
  const changed = exampleService('orders', change(spec) as Readonly<Record<string, unknown>>);
  const service = { ...wholeService('orders', ordersSpec), spec: changed.spec as Spec };
  const { objects } = desiredObjects(service, exampleObserved(service), { ...settings, ...given });
  type Workload = KubeObject & { readonly spec?: { readonly template?: unknown } };
  return Object.fromEntries(
    objects.flatMap(({ metadata, spec: of }: Workload) =>
      of?.template === undefined
        ? []
        : [[metadata.name.replace(/^(orders|cqrs)-/, ''), JSON.stringify(of.template)]],
    ),
  );
}

function rolled(after: Templates): readonly string[] {
  const before = templates();
  return Object.keys(before).filter((part) => before[part] !== after[part]);
}

test.each(rollouts)('%s', (_field, change, pods) => {
  expect(rolled(templates(change)).toSorted()).toEqual(pods);
});

test.each([
  ['services', programs],
  ['postgres', ['postgres']],
  ['kafka', ['kafka']],
  ['redis', ['redis']],
] as const)('another image of %s', (image, pods) => {
  const images = { ...settings.images, [image]: 'registry.example/other:2' };
  expect(rolled(templates(undefined, { images })).toSorted()).toEqual(pods);
});

test('the log level', () => {
  expect(rolled(templates(undefined, { logLevel: 'debug' })).toSorted()).toEqual(programs);
});

test('the table has every field of the spec that may change', () => {
  const { spec } = wholeService('orders', ordersSpec);
  const named = rollouts.map(([field]) => field.split(/[.[:]/)[0] ?? '');
  const fields = [...Object.keys(spec), 'telemetry'];
  expect([...new Set(named)].toSorted()).toEqual(fields.toSorted());
});
