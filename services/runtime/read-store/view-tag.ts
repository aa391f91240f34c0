import { createHash } from 'node:crypto';
import type { ServiceIdentity, ViewConfig, ViewSource } from '@cqrs/contract/config.ts';

/** Raised whenever functions.lua stores anything in another shape: every view is then built anew beside the old one. */
const layoutVersion = 2;

/** What a source means for the stored documents. `gapless` is left out: it says what is refused, not what is stored. */
function sourceDefinition(source: ViewSource): readonly unknown[] {
  const { topic, role } = source;
  switch (role) {
    case 'root':
      return [topic, role];
    case 'part':
      return [topic, role, source.key, source.as, source.many];
    case 'lookup':
      return [topic, role, source.lookup, source.as];
  }
}

/**
 * Names one build of a view, `<view>.<8 hex digits>`: the hash tag of its keys and the end of its consumer group's
 * name. Another definition, service or storage layout gives another tag, so a changed view starts from the beginning
 * in keys of its own, and two services may share a Redis.
 */
export function viewTag(service: ServiceIdentity, view: ViewConfig): string {
  const definition = [
    layoutVersion,
    service.namespace,
    service.name,
    view.sources.map(sourceDefinition),
    view.indexes.map(({ by, order }) => [by, order]),
  ];
  const hash = createHash('sha256').update(JSON.stringify(definition)).digest('hex');
  return `${view.name}.${hash.slice(0, 8)}`;
}
