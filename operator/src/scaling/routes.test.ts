import { describe, expect, it } from 'vitest';
import { failure, metricAnswer } from './answers.ts';
import { measuredReads } from './demand.ts';
import { attributesOf, routeOf } from './routes.ts';

const base = '/apis/custom.metrics.k8s.io/v1beta2';
const metric = `${base}/namespaces/shop/cqrsservices.cqrs.dev/orders/reads-per-second`;

describe('a request', () => {
  it('for the reads of one service is told apart from all others', () => {
    const asked = { kind: 'metric', namespace: 'shop', name: 'orders', metric: 'reads-per-second' };
    expect(routeOf('GET', metric)).toEqual(asked);
    expect(routeOf('GET', `${metric}?metricLabelSelector=`)).toEqual(asked);
    const lag = metric.replace('reads-per-second', 'events-behind');
    expect(routeOf('GET', lag)).toEqual({ ...asked, metric: 'events-behind' });
    for (const other of [
      `${metric}/x`,
      metric.replace('reads-per-second', 'writes-per-second'),
      metric.replace('cqrsservices.cqrs.dev', 'pods'),
      metric.replace('/namespaces/shop', ''),
      metric.replace('v1beta2', 'v1beta1'),
      metric.replace('orders', 'or/ders'),
      '/openapi/v2',
      '/',
      '',
    ]) {
      expect(routeOf('GET', other)).toMatchObject({ kind: 'refused', status: 404 });
    }
  });

  it('may only read', () => {
    expect(routeOf('POST', metric)).toMatchObject({ kind: 'refused', status: 405 });
    expect(routeOf('DELETE', base)).toMatchObject({ kind: 'refused', status: 405 });
  });

  it('for health needs no more than a path', () => {
    expect(routeOf('GET', '/healthz?verbose')).toEqual({ kind: 'health' });
  });

  it('for discovery names what is served', () => {
    const documents = ['/apis', '/apis/custom.metrics.k8s.io', base].map((path) => {
      const route = routeOf('GET', path);
      return route.kind === 'discovery' ? route.document : route;
    });
    expect(documents).toMatchInlineSnapshot(`
      [
        {
          "apiVersion": "v1",
          "groups": [
            {
              "name": "custom.metrics.k8s.io",
              "preferredVersion": {
                "groupVersion": "custom.metrics.k8s.io/v1beta2",
                "version": "v1beta2",
              },
              "versions": [
                {
                  "groupVersion": "custom.metrics.k8s.io/v1beta2",
                  "version": "v1beta2",
                },
              ],
            },
          ],
          "kind": "APIGroupList",
        },
        {
          "apiVersion": "v1",
          "kind": "APIGroup",
          "name": "custom.metrics.k8s.io",
          "preferredVersion": {
            "groupVersion": "custom.metrics.k8s.io/v1beta2",
            "version": "v1beta2",
          },
          "versions": [
            {
              "groupVersion": "custom.metrics.k8s.io/v1beta2",
              "version": "v1beta2",
            },
          ],
        },
        {
          "apiVersion": "v1",
          "groupVersion": "custom.metrics.k8s.io/v1beta2",
          "kind": "APIResourceList",
          "resources": [
            {
              "kind": "MetricValueList",
              "name": "cqrsservices.cqrs.dev/reads-per-second",
              "namespaced": true,
              "singularName": "",
              "verbs": [
                "get",
              ],
            },
            {
              "kind": "MetricValueList",
              "name": "cqrsservices.cqrs.dev/events-behind",
              "namespaced": true,
              "singularName": "",
              "verbs": [
                "get",
              ],
            },
          ],
        },
      ]
    `);
  });

  it('asks for the permission that the path stands for', () => {
    expect(attributesOf({ namespace: 'shop', name: 'orders', metric: 'reads-per-second' })).toEqual(
      {
        verb: 'get',
        group: 'custom.metrics.k8s.io',
        version: 'v1beta2',
        resource: 'cqrsservices.cqrs.dev',
        subresource: 'reads-per-second',
        namespace: 'shop',
        name: 'orders',
      },
    );
  });
});

const orders = { namespace: 'shop', name: 'orders', metric: 'reads-per-second' } as const;
const atMs = Date.UTC(2030, 0, 2, 3, 4, 5, 678);
const value = (readsPerSecond: number): unknown =>
  metricAnswer(orders, measuredReads({ state: 'fresh', readsPerSecond, atMs }));

describe('an answer', () => {
  it('is exactly one value, in thousandths where it must be', () => {
    expect(value(812.3456)).toEqual({
      status: 200,
      body: {
        kind: 'MetricValueList',
        apiVersion: 'custom.metrics.k8s.io/v1beta2',
        metadata: {},
        items: [
          {
            describedObject: {
              kind: 'CqrsService',
              apiVersion: 'cqrs.dev/v1alpha1',
              namespace: 'shop',
              name: 'orders',
            },
            metric: { name: 'reads-per-second', selector: null },
            timestamp: '2030-01-02T03:04:05Z',
            windowSeconds: 2,
            value: '812346m',
          },
        ],
      },
    });
    for (const [reads, quantity] of [
      [0, '0'],
      [800, '800'],
      [0.0004, '0'],
      [0.5, '500m'],
      [1e9, '1000000000'],
    ] as const) {
      expect(value(reads)).toHaveProperty('body.items[0].value', quantity);
    }
  });

  it('without a fresh number is an error that says why', () => {
    expect(metricAnswer(orders, { state: 'stale', message: 'nobody is heard' })).toEqual(
      failure(503, 'nobody is heard'),
    );
    expect(metricAnswer(orders, { state: 'unknown', message: 'no such service' })).toEqual({
      status: 404,
      body: {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'no such service',
        reason: 'NotFound',
        code: 404,
      },
    });
  });
});
