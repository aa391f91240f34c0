import type { ServiceIdentity } from './config.ts';

/** Kafka's own limit for a topic name is 249 characters of [a-zA-Z0-9._-]. */
export const topicNameLengthMax = 249;

/**
 * The topic that carries one aggregate's events. Dots cannot occur in Kubernetes namespace, service or
 * aggregate names, so two different aggregates never share a topic.
 */
export function topicName(service: ServiceIdentity, aggregate: string): string {
  return `${service.namespace}.${service.name}.${aggregate}`;
}

/** Where a view whose `poison` is `dead-letter` puts the events that it could not apply. */
export function deadLetterTopic(service: ServiceIdentity, view: string): string {
  return `${service.namespace}.${service.name}.${view}.dead-letter`;
}

/** The consumer group of one build of a view: a changed view (another tag) reads from the beginning. */
export function consumerGroup(service: ServiceIdentity, viewTag: string): string {
  return `${service.namespace}.${service.name}.${viewTag}`;
}
