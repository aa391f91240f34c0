import { expect, it } from 'vitest';
import { exampleService, ordersSpec } from '../../api/v1alpha1/example-services.ts';
import { raisedReplicas } from './raise-target.ts';

const autoscaling = { minReplicas: 2, maxReplicas: 8 };
const query = { ...ordersSpec.query, autoscaling };
const orders = exampleService('orders', { ...ordersSpec, query });
const suspended = exampleService('orders', { ...ordersSpec, query, suspend: true });

it.each([
  { when: 'a burst that asks for more', held: 5, present: 2, raised: 5 },
  { when: 'a burst beyond what is allowed', held: 50, present: 2, raised: 8 },
  { when: 'a burst for which there are enough', held: 5, present: 6, raised: undefined },
  { when: 'no burst', held: 0, present: 1, raised: undefined },
  { when: 'a target that is stopped', held: 5, present: 0, raised: undefined },
  { when: 'a target that is not known', held: 5, present: undefined, raised: undefined },
])('$when', ({ held, present, raised }) => {
  expect(raisedReplicas(orders, { replicas: held }, present)).toBe(raised);
});

it('leaves a suspended service alone', () => {
  expect(raisedReplicas(suspended, { replicas: 5 }, 2)).toBeUndefined();
});
