import type { CqrsService } from '../api/v1alpha1/schema.ts';
import { kafkaLabels } from './labels.ts';
import { kafkaName } from './names.ts';
import { sharedOwners, type ChildMeta } from './owner.ts';

/** The CqrsServices of one namespace, which share its broker: at least one, terminating ones too. */
export type KafkaUsers = readonly [CqrsService, ...CqrsService[]];

/** Metadata of the broker's objects, which are collected with the last of its users. */
export function kafkaMeta(users: KafkaUsers): ChildMeta {
  return {
    name: kafkaName,
    namespace: users[0].metadata.namespace,
    labels: kafkaLabels,
    ownerReferences: sharedOwners(users),
  };
}
