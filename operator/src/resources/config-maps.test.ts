import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import { describe, expect, test } from 'vitest';
import {
  exampleService,
  orderHistorySpec,
  ordersSpec,
  paymentsSpec,
  wholeService,
} from '../api/v1alpha1/example-services.ts';
import type { CqrsService } from '../api/v1alpha1/schema.ts';
import { hasQuery } from '../api/v1alpha1/service-kinds.ts';
import {
  commandConfig,
  commandConfigMap,
  projectorConfig,
  queryConfig,
  relayConfig,
  retentionOf,
  topicCleanupConfig,
} from './config-maps.ts';
import { exampleContext } from './example-context.ts';
import { ownYaml } from './own-yaml.ts';
import { ownedMeta } from './owner.ts';

const { siblings } = exampleContext;
const orders = wholeService('orders', ordersSpec);
const withRetention = (retention: string) =>
  wholeService('orders', { ...ordersSpec, events: { retention } });

test('the config file of a program is JSON in a ConfigMap that its service owns', () => {
  const configMap = commandConfigMap(orders);
  expect(ownYaml(configMap, { metadata: ownedMeta(orders, 'command') })).toMatchInlineSnapshot(`
    "apiVersion: v1
    kind: ConfigMap
    data:
      config.json: |
        {
          "service": {
            "namespace": "shop",
            "name": "orders"
          },
          "aggregates": [
            {
              "name": "order",
              "schema": {
                "type": "object",
                "required": [
                  "customerId",
                  "total"
                ],
                "properties": {
                  "customerId": {
                    "type": "string"
                  },
                  "total": {
                    "type": "number",
                    "minimum": 0
                  }
                }
              }
            }
          ]
        }
    "
  `);
  expect(JSON.parse(configMap.data['config.json'] ?? '')).toEqual(commandConfig(orders));
});

test('relay: the slot, the publication, and a topic for each aggregate', () => {
  expect(relayConfig(orders)).toMatchInlineSnapshot(`
    {
      "publication": "cqrs",
      "service": {
        "name": "orders",
        "namespace": "shop",
      },
      "slot": "cqrs_shop_orders",
      "topics": [
        {
          "aggregate": "order",
          "partitions": 12,
          "retention": "forever",
          "topic": "shop.orders.order",
        },
      ],
    }
  `);
});

test('projector and query see the same views', () => {
  expect(projectorConfig(orders, siblings)).toMatchInlineSnapshot(`
    {
      "service": {
        "name": "orders",
        "namespace": "shop",
      },
      "views": [
        {
          "indexes": [
            {
              "by": [
                "customerId",
              ],
              "order": [
                "-placedAt",
              ],
            },
          ],
          "name": "orders",
          "poison": "halt",
          "sources": [
            {
              "aggregate": "order",
              "gapless": true,
              "role": "root",
              "topic": "shop.orders.order",
            },
          ],
        },
      ],
    }
  `);
  const [view] = projectorConfig(orders, siblings).views;
  const { poison: _poison, ...asRead } = view ?? {};
  expect(queryConfig(orders, siblings).views).toEqual([asRead]);
});

const schemasOf = (service: CqrsService, among = siblings) =>
  hasQuery(service) ? queryConfig(service, among).schemas : undefined;

describe('the schemas that the query API is described with', () => {
  const history = exampleService('order-history', orderHistorySpec);

  test('are those of all source aggregates whose owners are there, by topic', () => {
    expect(schemasOf(history)).toEqual({
      'shop.orders.order': ordersSpec.aggregates[0].schema,
      'shop.payments.payment': paymentsSpec.aggregates[0].schema,
    });
  });

  test('are left out where they would not fit, so that views are served all the same', () => {
    const long = { type: 'object', description: 'x'.repeat(600_000) };
    const spec = { ...ordersSpec, aggregates: [{ name: 'order', schema: long }] };
    const large = exampleService('orders', spec);
    const among = new Map([...siblings, ['orders', large]]);
    expect(Object.keys(schemasOf(history, among) ?? {})).toEqual(['shop.payments.payment']);
  });
});

test('an event that cannot be applied halts its key, or goes where the view says', () => {
  const [view] = ordersSpec.query.views;
  const service = wholeService('orders', {
    ...ordersSpec,
    query: { views: [view, { ...view, name: 'lenient', poison: 'dead-letter' }] },
  });
  expect(
    projectorConfig(service, siblings).views.map(({ name, poison }) => [name, poison]),
  ).toEqual([
    ['orders', 'halt'],
    ['lenient', 'dead-letter'],
  ]);
  expect(topicCleanupConfig(service).topics.map(({ topic }) => topic)).toEqual([
    'shop.orders.order',
    'shop.orders.lenient.dead-letter',
  ]);
});

test('what becomes of such an event does not make another view of it', () => {
  const [view] = projectorConfig(orders, siblings).views;
  if (view === undefined) throw new Error('No view');
  const service = { namespace: 'shop', name: 'orders' };
  expect(viewTag(service, { ...view, poison: 'dead-letter' })).toBe(viewTag(service, view));
});

describe('behavior', () => {
  const [aggregate] = ordersSpec.aggregates;
  const behaves = (behavior: object) =>
    wholeService('orders', {
      ...ordersSpec,
      aggregates: [
        { ...aggregate, behavior },
        { ...aggregate, name: 'cart' },
      ],
      command: { image: 'shop/orders:1' },
    });

  test.each([
    [{ configMap: { name: 'mine', key: 'order.ts' } }, '/etc/cqrs/behavior/order/order.ts'],
    [{ module: '/app/order.ts' }, '/app/order.ts'],
  ])('of %j is the module %s', (behavior, module) => {
    const { aggregates } = commandConfig(behaves(behavior));
    expect(aggregates[0]?.behavior).toEqual({ module });
    expect(aggregates[1]).not.toHaveProperty('behavior');
  });
});

describe('a composed view', () => {
  const history = exampleService('order-history', orderHistorySpec);
  const sources = hasQuery(history) ? projectorConfig(history, siblings).views[0]?.sources : [];

  test('reads the topics of its owners, by their roles', () => {
    expect(sources).toMatchInlineSnapshot(`
      [
        {
          "aggregate": "order",
          "gapless": true,
          "role": "root",
          "topic": "shop.orders.order",
        },
        {
          "aggregate": "payment",
          "as": "payments",
          "gapless": false,
          "key": "orderId",
          "many": true,
          "role": "part",
          "topic": "shop.payments.payment",
        },
        {
          "aggregate": "customer",
          "as": "customer",
          "gapless": false,
          "lookup": "customerId",
          "role": "lookup",
          "topic": "shop.customers.customer",
        },
      ]
    `);
  });

  test('is promised no gapless topic of an owner that forgets events, or that is not there', () => {
    expect(sources?.map(({ topic, gapless }) => [topic, gapless])).toEqual([
      ['shop.orders.order', true],
      ['shop.payments.payment', false],
      ['shop.customers.customer', false],
    ]);
  });
});

test.each([
  ['forever', 'forever'],
  ['compact', 'compact'],
  ['45s', { seconds: 45 }],
  ['90m', { seconds: 5400 }],
  ['12h', { seconds: 43_200 }],
  ['30d', { seconds: 2_592_000 }],
])('retention %s', (written, expected) => {
  expect(retentionOf(withRetention(written))).toEqual(expected);
});

test('a compacted topic of one’s own is not gapless either', () => {
  const { views } = projectorConfig(withRetention('compact'), new Map());
  expect(views[0]?.sources[0]?.gapless).toBe(false);
});
