import type { KubeObject, ObjectRef } from './object.ts';

/** coordination.k8s.io/v1 Lease; times are MicroTime. */
export type Lease = KubeObject & {
  spec: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
};

/** A lease and when, on the local clock, it was first seen in this form. */
export type Observed = { lease: Lease; atMs: number };

/** The other holder of a lease, if there is one. */
export function contendedBy(lease: Lease | undefined, identity: string): string | undefined {
  const holder = lease?.spec.holderIdentity;
  return holder === undefined || holder === '' || holder === identity ? undefined : holder;
}

/**
 * Whether `identity` may write itself into the lease: it holds it, nobody does, or the holder's last renewal was seen
 * longer ago, on the local clock, than the lease lasts.
 */
export function mayTake(observed: Observed, identity: string, nowMs: number): boolean {
  return expiresInMs(observed, nowMs) <= 0 || contendedBy(observed.lease, identity) === undefined;
}

/** Milliseconds until the lease is expired unless it is renewed before; negative when it is. */
export function expiresInMs({ lease, atMs }: Observed, nowMs: number): number {
  return atMs + (lease.spec.leaseDurationSeconds ?? 0) * 1000 - nowMs;
}

/** The lease with `identity` as holder: a renewal when it was the holder already, else a takeover. */
export function leaseOf(
  ref: ObjectRef,
  previous: Lease | undefined,
  claim: { identity: string; leaseDurationMs: number; now: string },
): Lease {
  const { identity, leaseDurationMs, now } = claim;
  const before = previous?.spec ?? {};
  const renews = before.holderIdentity === identity;
  const transitions = before.leaseTransitions ?? 0;
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: previous?.metadata ?? ref,
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
      acquireTime: renews ? (before.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: renews || !previous ? transitions : transitions + 1,
    },
  };
}
