import { expect, test } from 'vitest';
import { exampleService, ordersSpec } from '../../api/v1alpha1/example-services.ts';
import { ownerReferenceTo } from '../../kube/mapping.ts';
import type { KubeObject, ObjectMeta } from '../../kube/object.ts';
import { claimOf } from './claim.ts';

const orders = exampleService('orders', ordersSpec);
const owner = ownerReferenceTo(orders);
const labels = { 'app.kubernetes.io/managed-by': 'cqrs-operator' };

function object(metadata: Partial<ObjectMeta>, kind = 'Service'): KubeObject {
  return { apiVersion: 'v1', kind, metadata: { name: 'orders-query', ...metadata } };
}

test.each([
  { what: 'nothing', live: undefined, claim: 'ours' },
  { what: 'what we made', live: object({ labels, ownerReferences: [owner] }), claim: 'ours' },
  {
    what: 'what we made and lost the label of',
    live: object({ ownerReferences: [owner] }),
    claim: 'ours',
  },
  { what: 'a retained Secret', live: object({ labels }, 'Secret'), claim: 'ours' },
  { what: 'a Secret brought by hand', live: object({}, 'Secret'), claim: 'foreign' },
  {
    what: 'a Secret of a Helm release',
    live: object({ labels: { 'app.kubernetes.io/managed-by': 'Helm' } }, 'Secret'),
    claim: 'foreign',
  },
  { what: 'a stranger’s object', live: object({}), claim: 'foreign' },
  {
    what: 'an object that another controls',
    live: object({ labels, ownerReferences: [{ ...owner, kind: 'Other', uid: 'o' }] }),
    claim: 'foreign',
  },
  {
    what: 'a child of an earlier service of the name',
    live: object({ labels, ownerReferences: [{ ...owner, uid: 'earlier' }] }),
    claim: 'outgoing',
  },
  {
    what: 'what is being deleted',
    live: object({ labels, deletionTimestamp: '2026-01-01T00:00:00Z' }),
    claim: 'outgoing',
  },
])('$what is $claim', ({ live, claim }) => {
  expect(claimOf(orders, live)).toBe(claim);
});
