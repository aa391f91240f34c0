import type { CqrsService } from '../api/v1alpha1/schema.ts';

/** What one CqrsService consists of; each has its own pods. */
export const components = ['command', 'relay', 'projector', 'query', 'postgres', 'redis'] as const;
export type Component = (typeof components)[number];

/** The broker that all CqrsServices of a namespace share. */
export const kafkaName = 'cqrs-kafka';

/** The Secret with the key that signs consistency tokens, which all CqrsServices of a namespace share. */
export const consistencyName = 'cqrs-consistency';

export const storePorts = { postgres: 5432, redis: 6379, kafka: 9092 } as const;

/** The name of a service's child objects: `orders-command`. */
export function childName(service: CqrsService, component: Component | 'topic-cleanup'): string {
  return `${service.metadata.name}-${component}`;
}

/**
 * The DNS name of a Service. It ends in `.svc`, which every pod's search list completes, so that no cluster
 * domain has to be known.
 */
export function host(name: string, namespace: string): string {
  return `${name}.${namespace}.svc`;
}

/** `host:port` of the namespace's broker, which is also the address it advertises. */
export function kafkaBroker(namespace: string): string {
  return `${host(kafkaName, namespace)}:${storePorts.kafka}`;
}

/** Where clients in the cluster send commands. */
export function commandUrl(service: CqrsService): string {
  return `http://${host(childName(service, 'command'), service.metadata.namespace)}`;
}

/** Where clients in the cluster read. */
export function queryUrl(service: CqrsService): string {
  return `http://${host(childName(service, 'query'), service.metadata.namespace)}`;
}
