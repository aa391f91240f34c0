import { expect, test } from 'vitest';
import { contendedBy, expiresInMs, leaseOf, mayTake, type Lease } from './lease.ts';

const ref = { name: 'leader', namespace: 'shop' };
const claim = { identity: 'a', leaseDurationMs: 15_000, now: '2026-01-01T00:00:10.000000Z' };
const heldBy = (holderIdentity: string): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { ...ref, resourceVersion: '5' },
  spec: { holderIdentity, leaseDurationSeconds: 15, acquireTime: 'then', leaseTransitions: 3 },
});

test.each([
  ['its holder', heldBy('a'), 0, true],
  ['another while the lease lasts', heldBy('b'), 14_999, false],
  ['another once it was seen unchanged for its duration', heldBy('b'), 15_000, true],
  ['anyone after a release', heldBy(''), 0, true],
])('%s may take it', (_who, lease, afterMs, expected) => {
  expect(mayTake({ lease, atMs: 1000 }, 'a', 1000 + afterMs)).toBe(expected);
});

test('an expiry counts from when the lease was seen, whatever its clock says', () => {
  expect(expiresInMs({ lease: heldBy('b'), atMs: 1000 }, 6000)).toBe(10_000);
  expect(expiresInMs({ lease: heldBy('b'), atMs: 1000 }, 17_000)).toBe(-1000);
});

test('a renewal keeps since when it is held', () => {
  const { spec, metadata } = leaseOf(ref, heldBy('a'), claim);
  expect(spec).toMatchObject({ acquireTime: 'then', renewTime: claim.now, leaseTransitions: 3 });
  expect(metadata.resourceVersion).toBe('5');
});

test('a takeover counts', () => {
  const { spec } = leaseOf(ref, heldBy('b'), claim);
  expect(spec).toMatchObject({ holderIdentity: 'a', acquireTime: claim.now, leaseTransitions: 4 });
});

test('the first holder takes over from nobody', () => {
  expect(leaseOf(ref, undefined, claim).spec.leaseTransitions).toBe(0);
  expect(contendedBy(undefined, 'a')).toBeUndefined();
});
