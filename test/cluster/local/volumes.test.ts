import { describe, expect, it } from 'vitest';
import { decideVolumes, provisionerName, storageClassName } from './volumes.ts';
import type { Claim, Volume } from './volumes.ts';

const place = { folder: '/volumes', nodeName: 'one' };

function claim(spec: Partial<Claim['spec']> = {}): Claim {
  return {
    metadata: { name: 'data-0', namespace: 'orders', uid: 'u-1' },
    spec: {
      storageClassName,
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      ...spec,
    },
  };
}

function volume(phase: string, provisionedBy: string = provisionerName, policy = 'Delete'): Volume {
  return {
    metadata: {
      name: 'pvc-u-1',
      annotations: { 'pv.kubernetes.io/provisioned-by': provisionedBy },
    },
    spec: { persistentVolumeReclaimPolicy: policy },
    status: { phase },
  };
}

describe('decideVolumes', () => {
  it('makes a volume for a claim of the class, bound to it beforehand', () => {
    const { create, remove } = decideVolumes([claim()], [], place);
    expect(remove).toEqual([]);
    expect(create).toHaveLength(1);
    expect(create[0]?.path).toBe('/volumes/pvc-u-1');
    expect(create[0]?.volume).toMatchObject({
      metadata: { name: 'pvc-u-1' },
      spec: {
        capacity: { storage: '1Gi' },
        claimRef: { namespace: 'orders', name: 'data-0', uid: 'u-1' },
        local: { path: '/volumes/pvc-u-1' },
      },
    });
  });

  it.each([
    ['of another class', claim({ storageClassName: 'fast' })],
    ['that is bound', claim({ volumeName: 'pvc-u-1' })],
    ['for a raw device', claim({ volumeMode: 'Block' })],
    [
      'that is going',
      { ...claim(), metadata: { ...claim().metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
    ],
  ])('makes none for a claim %s', (_, given) => {
    expect(decideVolumes([given], [], place).create).toEqual([]);
  });

  it('makes no second volume while the first waits to be bound', () => {
    expect(decideVolumes([claim()], [volume('Available')], place).create).toEqual([]);
  });

  it.each([
    ['removes its own released volume', volume('Released'), 1],
    ['leaves a bound one', volume('Bound'), 0],
    ['leaves one that is to be retained', volume('Released', provisionerName, 'Retain'), 0],
    ['leaves one that another program made', volume('Released', 'someone-else'), 0],
  ])('%s', (_, given, count) => {
    expect(decideVolumes([], [given], place).remove).toHaveLength(count);
  });
});
