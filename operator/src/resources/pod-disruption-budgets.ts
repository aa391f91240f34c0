import type { CqrsService } from '../api/v1alpha1/schema.ts';
import type { CommandService, QueryService } from '../api/v1alpha1/service-kinds.ts';
import type { KubeObject } from '../kube/object.ts';
import { selector, type Labels } from './labels.ts';
import { ownedMeta } from './owner.ts';

export type PodDisruptionBudget = KubeObject & {
  readonly spec: {
    readonly maxUnavailable: number | string;
    readonly unhealthyPodEvictionPolicy: 'AlwaysAllow';
    readonly selector: { readonly matchLabels: Labels };
  };
};

/** Lets a node be drained one command pod at a time. */
export function commandPdb(service: CommandService): PodDisruptionBudget {
  return budget(service, 'command', 1);
}

/** Lets a node be drained a quarter of the query pods at a time (rounded up, so one is always allowed). */
export function queryPdb(service: QueryService): PodDisruptionBudget {
  return budget(service, 'query', '25%');
}

function budget(
  service: CqrsService,
  component: 'command' | 'query',
  maxUnavailable: number | string,
): PodDisruptionBudget {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: ownedMeta(service, component),
    spec: {
      maxUnavailable,
      // A pod that is not ready protects nobody, and would otherwise hold up the drain of its node for ever.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: selector(service, component) },
    },
  };
}
