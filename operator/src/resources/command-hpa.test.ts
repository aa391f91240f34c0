import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { commandDeployment } from './command-deployment.ts';
import { commandHpa } from './command-hpa.ts';
import { exampleContext } from './example-context.ts';
import { ownYaml } from './own-yaml.ts';
import { ownedMeta } from './owner.ts';

const command = { replicas: 3, autoscaling: { maxReplicas: 9 } };
const orders = wholeService('orders', { ...ordersSpec, command });

test('without a word about it the command pods are as many as the spec says', () => {
  const fixed = wholeService('orders', ordersSpec);
  expect(commandHpa(fixed)).toEqual([]);
  expect(commandDeployment(fixed, exampleContext).spec.replicas).toBe(2);
});

test('the HPA of the command API goes by the CPU, and nobody else sets its replicas', () => {
  expect(commandDeployment(orders, exampleContext).spec).not.toHaveProperty('replicas');
  const [hpa] = commandHpa(orders);
  if (hpa === undefined) throw new Error('there is none');
  expect(ownYaml(hpa, { metadata: ownedMeta(orders, 'command') })).toMatchInlineSnapshot(`
    "apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    spec:
      scaleTargetRef:
        apiVersion: apps/v1
        kind: Deployment
        name: orders-command
      minReplicas: 3
      maxReplicas: 9
      metrics:
        - type: Resource
          resource:
            name: cpu
            target:
              type: Utilization
              averageUtilization: 75
      behavior:
        scaleUp:
          stabilizationWindowSeconds: 0
          selectPolicy: Max
          policies:
            - type: Pods
              value: 9
              periodSeconds: 15
        scaleDown:
          stabilizationWindowSeconds: 300
          selectPolicy: Max
          policies:
            - type: Percent
              value: 100
              periodSeconds: 15
    "
  `);
});
