import type { CqrsService } from '../api/v1alpha1/schema.ts';
import { consistencyName, kafkaName, type Component } from './names.ts';

export type Labels = Readonly<Record<string, string>>;

const managedBy = { 'app.kubernetes.io/managed-by': 'cqrs-operator' } as const;

/** Selects everything the operator made, for informers that must not cache the whole cluster. */
export const managedBySelector = 'app.kubernetes.io/managed-by=cqrs-operator';

/** Selects everything else. */
export const foreignSelector = 'app.kubernetes.io/managed-by!=cqrs-operator';

/** Labels of the pods of one component; a selector never changes, so it holds nothing that may. */
export function selector(service: CqrsService, component: Component | 'topic-cleanup'): Labels {
  return {
    'app.kubernetes.io/name': 'cqrs-service',
    'app.kubernetes.io/instance': service.metadata.name,
    'app.kubernetes.io/component': component,
  };
}

/** Labels of a component's objects. */
export function labels(service: CqrsService, component: Component | 'topic-cleanup'): Labels {
  return { ...selector(service, component), ...managedBy };
}

/** Labels of the shared broker's pods. */
export const kafkaSelector: Labels = {
  'app.kubernetes.io/name': kafkaName,
  'app.kubernetes.io/instance': kafkaName,
  'app.kubernetes.io/component': 'kafka',
};

/** Labels of the shared broker's objects. */
export const kafkaLabels: Labels = { ...kafkaSelector, ...managedBy };

/** Labels of the shared key of consistency tokens. */
export const consistencyLabels: Labels = {
  'app.kubernetes.io/name': consistencyName,
  'app.kubernetes.io/instance': consistencyName,
  'app.kubernetes.io/component': 'consistency',
  ...managedBy,
};
