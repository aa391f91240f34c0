import type { ServiceIdentity } from '@cqrs/contract/config.ts';

/**
 * The keys of one build of a view. All carry one hash tag, so on Redis Cluster they share a slot and one function call
 * may touch them together. functions.lua makes the same names, and those only it needs.
 */
export function readStoreKeys(tag: string): {
  readonly positions: string;
  /** Is there once the view has been caught up with all its sources since its keys were empty. */
  readonly built: string;
  /** Is there while all keys of the build are being removed. */
  readonly removing: string;
  /** The sharded channel on which `apply` says what has changed. */
  readonly changes: string;
  /** Hash: topic-partition that stands still → why. */
  readonly halted: string;
  /** Hash: key that stands still → offset and error of the event at which it does. */
  readonly haltedKeys: (topicPartition: string) => string;
  readonly document: (id: string) => string;
  readonly index: (suffix: string) => string;
} {
  const prefix = `{${tag}}:`;
  return {
    positions: `${prefix}positions`,
    built: `${prefix}built`,
    removing: `${prefix}removing`,
    changes: `${prefix}changes`,
    halted: `${prefix}halted`,
    haltedKeys: (topicPartition) => `${prefix}halted:${topicPartition}`,
    document: (id) => `${prefix}doc:${id}`,
    index: (suffix) => `${prefix}index:${suffix}`,
  };
}

/** Hash: tag of each build that the projectors of a service have kept → when one last did, in ms since 1970. */
export function buildsKey({ namespace, name }: ServiceIdentity): string {
  return `builds:${namespace}.${name}`;
}
