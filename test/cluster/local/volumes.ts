/**
 * Decides which volumes to make and to remove. Pure: what the API server says goes in, what to do
 * comes out.
 */
import { join } from 'node:path';

export const storageClassName = 'local-path';
export const provisionerName = 'cqrs.local/local-path';

const provisionedBy = 'pv.kubernetes.io/provisioned-by';

/** The parts of a PersistentVolumeClaim that matter here. */
export interface Claim {
  metadata: { name: string; namespace: string; uid: string; deletionTimestamp?: string };
  spec: {
    storageClassName?: string;
    volumeName?: string;
    volumeMode?: string;
    accessModes: string[];
    resources: { requests: { storage: string } };
  };
}

/** The parts of a PersistentVolume that matter here. */
export interface Volume {
  metadata: { name: string; annotations?: Record<string, string> };
  spec: { persistentVolumeReclaimPolicy?: string; local?: { path: string } };
  status?: { phase?: string };
}

export interface VolumeActions {
  /** Volumes to make, each with the folder that must exist first. */
  create: { path: string; volume: object }[];
  /** Volumes to remove, each with the folder that must be gone first. */
  remove: { path: string; name: string }[];
}

/**
 * One volume for each unbound claim of our class, named after the claim's uid so that a repeated
 * pass makes no second one; and the end of each of ours whose claim is gone and whose reclaim
 * policy is Delete.
 */
export function decideVolumes(
  claims: readonly Claim[],
  volumes: readonly Volume[],
  place: { folder: string; nodeName: string },
): VolumeActions {
  const existing = new Set(volumes.map((volume) => volume.metadata.name));
  const create = claims
    .filter((claim) => isOurs(claim) && !existing.has(volumeName(claim)))
    .map((claim) => {
      const path = join(place.folder, volumeName(claim));
      return { path, volume: localVolume(claim, path, place.nodeName) };
    });
  const remove = volumes
    .filter((volume) => volume.metadata.annotations?.[provisionedBy] === provisionerName)
    .filter((volume) => volume.spec.persistentVolumeReclaimPolicy === 'Delete')
    .filter((volume) => volume.status?.phase === 'Released')
    .map(({ metadata: { name } }) => ({ name, path: join(place.folder, name) }));
  return { create, remove };
}

function isOurs({ metadata, spec }: Claim): boolean {
  return (
    spec.storageClassName === storageClassName &&
    spec.volumeName === undefined &&
    spec.volumeMode !== 'Block' &&
    metadata.deletionTimestamp === undefined
  );
}

const volumeName = (claim: Claim): string => `pvc-${claim.metadata.uid}`;

/**
 * A `local` volume, not a hostPath: only for the former does the kubelet give the folder to the
 * pod's fsGroup.
 */
function localVolume(claim: Claim, path: string, nodeName: string): object {
  const { name, namespace, uid } = claim.metadata;
  const onThisNode = { key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volumeName(claim), annotations: { [provisionedBy]: provisionerName } },
    spec: {
      accessModes: claim.spec.accessModes,
      capacity: { storage: claim.spec.resources.requests.storage },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      local: { path },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [onThisNode] }] } },
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName,
    },
  };
}

/** The default class of the cluster. One node needs no waiting for a pod to be placed first. */
export function storageClass(): object {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: {
      name: storageClassName,
      annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
    },
    provisioner: provisionerName,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
  };
}
