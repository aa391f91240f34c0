import type { Static } from 'typebox';
import type { KubeObject, ObjectMeta } from '../../kube/object.ts';
import type { ResourceType } from '../../kube/resource-type.ts';
import type { Condition } from './conditions.ts';
import type { aggregate } from './crd-aggregate-schema.ts';
import type { command } from './crd-command-schema.ts';
import type { query } from './crd-query-schema.ts';
import type { spec } from './crd-schema.ts';
import type { status } from './crd-status-schema.ts';
import type { source } from './crd-view-schema.ts';

/** The kind that this operator owns, as the client addresses it. */
export const cqrsServiceType = {
  group: 'cqrs.dev',
  version: 'v1alpha1',
  plural: 'cqrsservices',
  kind: 'CqrsService',
  namespaced: true,
} as const satisfies ResourceType;

export type CqrsServiceSpec = Static<typeof spec>;
export type CqrsServiceStatus = Omit<Static<typeof status>, 'conditions'> & {
  readonly conditions?: readonly Condition[];
};
export type Aggregate = Static<typeof aggregate>;
export type CommandSpec = Static<typeof command>;
export type QuerySpec = Static<typeof query>;
export type Source = Static<typeof source>;
export type Resources = NonNullable<CommandSpec['resources']>;

/** A CqrsService as the apiserver returns it: in a namespace, and with every default filled in. */
export type CqrsService = KubeObject & {
  metadata: ObjectMeta & { namespace: string; uid: string };
  spec: CqrsServiceSpec;
  status?: CqrsServiceStatus;
};
