import { expect, it } from 'vitest';
import { raisedReplicas } from './raise-targets.ts';

it.each([
  { when: 'a floor above the pods', least: 5, present: 2, raised: 5 },
  { when: 'a floor with enough pods', least: 5, present: 6, raised: undefined },
  { when: 'a target that is stopped', least: 5, present: 0, raised: undefined },
])('$when', ({ least, present, raised }) => {
  const hpa = { spec: { minReplicas: least } };
  expect(raisedReplicas(hpa, { spec: { replicas: present } })).toBe(raised);
});

it('nothing is raised that has no HPA, or is not known', () => {
  expect(raisedReplicas(undefined, { spec: { replicas: 1 } })).toBeUndefined();
  expect(raisedReplicas({ spec: { minReplicas: 5 } }, undefined)).toBeUndefined();
});
