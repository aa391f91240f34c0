import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { queryHpa } from './query-hpa.ts';
import { ownYaml } from './own-yaml.ts';
import { ownedMeta } from './owner.ts';

const autoscaling = { minReplicas: 2, maxReplicas: 8, readsPerSecond: 300, scaleDownSeconds: 30 };
const query = { ...ordersSpec.query, autoscaling };
const orders = wholeService('orders', { ...ordersSpec, query });

test.each([
  [0, 2],
  [5, 5],
  [9, 8],
])('a burst that holds %i pods gives the HPA a floor of %i', (replicas, minReplicas) => {
  expect(queryHpa(orders, { replicas }, 'reads').spec.minReplicas).toBe(minReplicas);
});

test('an HPA that cannot ask for reads goes by the CPU', () => {
  expect(queryHpa(orders, { replicas: 0 }, 'cpu').spec.metrics).toEqual([
    {
      type: 'Resource',
      resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
    },
  ]);
});

test('the HPA of the query API', () => {
  expect(
    ownYaml(queryHpa(orders, { replicas: 0 }, 'reads'), { metadata: ownedMeta(orders, 'query') }),
  ).toMatchInlineSnapshot(`
    "apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    spec:
      scaleTargetRef:
        apiVersion: apps/v1
        kind: Deployment
        name: orders-query
      minReplicas: 2
      maxReplicas: 8
      metrics:
        - type: Object
          object:
            describedObject:
              apiVersion: cqrs.dev/v1alpha1
              kind: CqrsService
              name: orders
            metric:
              name: reads-per-second
            target:
              type: AverageValue
              averageValue: "300"
      behavior:
        scaleUp:
          stabilizationWindowSeconds: 0
          selectPolicy: Max
          policies:
            - type: Pods
              value: 8
              periodSeconds: 15
        scaleDown:
          stabilizationWindowSeconds: 30
          selectPolicy: Max
          policies:
            - type: Percent
              value: 100
              periodSeconds: 15
    "
  `);
});
