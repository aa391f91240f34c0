import type { KubeObject } from '../kube/object.ts';
import type { Labels } from './labels.ts';
import type { ChildMeta } from './owner.ts';
import type { PodTemplate } from './pod-template.ts';

export type StatefulSet = KubeObject & {
  readonly spec: {
    readonly replicas: 1;
    readonly serviceName: string;
    readonly podManagementPolicy: 'Parallel';
    readonly selector: { readonly matchLabels: Labels };
    readonly template: PodTemplate;
    readonly persistentVolumeClaimRetentionPolicy: {
      readonly whenDeleted: 'Retain' | 'Delete';
      readonly whenScaled: 'Retain';
    };
    readonly volumeClaimTemplates: readonly VolumeClaim[];
  };
};

type VolumeClaim = {
  readonly metadata: { readonly name: string; readonly labels: Labels };
  readonly spec: {
    readonly accessModes: readonly ['ReadWriteOnce'];
    readonly resources: { readonly requests: { readonly storage: string } };
  };
};

export type StoreInput = {
  readonly metadata: ChildMeta;
  readonly selector: Labels;
  readonly template: PodTemplate;
  readonly storage: string;
  readonly whenDeleted: 'Retain' | 'Delete';
};

/** Name of the claim, and of the mount of it, in every store's pod. */
export const dataVolumeName = 'data';

// Longer than a pod that was told to stop may take.
const lockSecondsMax = 60;

/**
 * A command that first takes a lock on the volume and keeps it as long as it lives. Two pods on one volume would
 * corrupt the store, and a pod that was deleted by force still runs while the next one starts. Neither Postgres
 * nor Redis sees a process of another pod; a lock of the file system holds between them.
 */
export function lockedCommand(volumePath: string, command: readonly string[]): readonly string[] {
  return ['flock', '--no-fork', `--timeout=${lockSecondsMax}`, `${volumePath}/lock`, ...command];
}

/** An embedded store: one pod with one volume. Suspending a service does not stop it. */
export function statefulSet(store: StoreInput): StatefulSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: store.metadata,
    spec: {
      replicas: 1,
      serviceName: store.metadata.name,
      // With the ordered policy a pod that cannot start is never replaced, not even by a corrected one.
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: store.selector },
      template: store.template,
      persistentVolumeClaimRetentionPolicy: {
        whenDeleted: store.whenDeleted,
        whenScaled: 'Retain',
      },
      volumeClaimTemplates: [
        {
          metadata: { name: dataVolumeName, labels: store.selector },
          spec: {
            accessModes: ['ReadWriteOnce'],
            resources: { requests: { storage: store.storage } },
          },
        },
      ],
    },
  };
}
