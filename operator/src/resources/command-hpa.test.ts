import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { commandDeployment } from './command-deployment.ts';
import { commandHpa } from './command-hpa.ts';
import { exampleContext } from './example-context.ts';

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
  expect(hpa?.spec).toMatchObject({
    scaleTargetRef: { name: 'orders-command' },
    minReplicas: 3,
    maxReplicas: 9,
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 75 } },
      },
    ],
    behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
  });
});
