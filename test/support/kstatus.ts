import type { CqrsService } from '../../operator/src/api/v1alpha1/schema.ts';

export type Kstatus = 'Terminating' | 'InProgress' | 'Failed' | 'Current';

/**
 * What tools such as `helm --wait`, Flux and kpt take from a custom resource: the rules of kstatus for kinds that it does
 * not know by name (fluxcd/cli-utils v1.2.2, pkg/kstatus/status: generic.go, then the Ready condition of status.go).
 */
export function kstatusOf({ metadata, status }: CqrsService): Kstatus {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  const { observedGeneration = metadata.generation, conditions = [] } = status ?? {};
  if (observedGeneration !== metadata.generation) return 'InProgress';
  for (const { type, status: is } of conditions) {
    if (is === 'True' && type in standard) return standard[type as keyof typeof standard];
  }
  const ready = conditions.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True' ? 'Current' : 'InProgress';
}

const standard = { Reconciling: 'InProgress', Stalled: 'Failed' } as const;
