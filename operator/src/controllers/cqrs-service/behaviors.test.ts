import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../../api/v1alpha1/example-services.ts';
import { KubeError } from '../../kube/errors.ts';
import type { KubeObject } from '../../kube/object.ts';
import { createBehaviors, type Behaviors } from './behaviors.ts';

const behavior = { configMap: { name: 'order-behavior', key: 'order.ts' } };
const orders = wholeService('orders', {
  ...ordersSpec,
  aggregates: [{ ...ordersSpec.aggregates[0], behavior }],
});

type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> };

const version = (resourceVersion: string, data: Readonly<Record<string, string>>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'order-behavior', namespace: 'shop', resourceVersion },
  data,
});

/** An API server with at most one ConfigMap, and a cache that may lag behind it. */
function cluster(): {
  readonly behaviors: Behaviors;
  live: ConfigMap | undefined;
  cached: ConfigMap | undefined;
  reads: number;
} {
  const state = { live: undefined, cached: undefined, reads: 0 } as {
    live: ConfigMap | undefined;
    cached: ConfigMap | undefined;
    reads: number;
  };
  const none = { get: () => undefined };
  const behaviors = createBehaviors(
    { configMaps: none, foreignConfigMaps: { get: () => state.cached } },
    {
      async get<T extends KubeObject>() {
        state.reads += 1;
        if (state.live === undefined) throw new KubeError('KUBE_STATUS', 'gone', { status: 404 });
        return state.live as KubeObject as T;
      },
    },
  );
  return Object.assign(state, { behaviors });
}

const never = new AbortController().signal;

test('a module is read once for each version, and another hash is another content', async () => {
  const shop = cluster();
  shop.live = shop.cached = version('5', { 'order.ts': 'one', other: 'x' });
  const first = await shop.behaviors.observe(orders, never);
  expect(await shop.behaviors.observe(orders, never)).toEqual(first);
  expect(shop.reads).toBe(1);
  shop.live = shop.cached = version('6', { 'order.ts': 'one', other: 'y' });
  expect(await shop.behaviors.observe(orders, never)).toEqual(first);
  shop.live = shop.cached = version('7', { 'order.ts': 'two' });
  expect(await shop.behaviors.observe(orders, never)).not.toEqual(first);
  expect(shop.reads).toBe(3);
});

test('what a lagging cache does not show yet is there all the same', async () => {
  const shop = cluster();
  shop.live = version('9', { 'order.ts': 'one' });
  expect((await shop.behaviors.observe(orders, never)).missing).toEqual([]);
  shop.cached = version('4', {});
  expect((await shop.behaviors.observe(orders, never)).missing).toEqual([]);
  expect(shop.reads).toBe(1);
});

test('a ConfigMap or a key that is not there is told in a sentence', async () => {
  const shop = cluster();
  expect(await shop.behaviors.observe(orders, never)).toEqual({
    checksums: {},
    missing: [
      'The behavior of aggregate order is to be in key order.ts of ConfigMap order-behavior, which does not exist in this namespace.',
    ],
  });
  shop.live = shop.cached = version('5', { 'order.js': 'one' });
  expect((await shop.behaviors.observe(orders, never)).missing).toEqual([
    'The behavior of aggregate order is to be in key order.ts of ConfigMap order-behavior, which has no such key.',
  ]);
});

test('a service without behavior looks for none', async () => {
  const shop = cluster();
  const plain = wholeService('orders', ordersSpec);
  expect(await shop.behaviors.observe(plain, never)).toEqual({ checksums: {}, missing: [] });
  expect(shop.reads).toBe(0);
});
