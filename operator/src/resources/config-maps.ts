import type {
  CommandConfig,
  ProjectorConfig,
  QueryConfig,
  RelayConfig,
  Retention,
  ServiceIdentity,
  ViewConfig,
  ViewSource,
} from '@cqrs/contract/config.ts';
import { postgresNames, slotName } from '@cqrs/contract/postgres-names.ts';
import { topicName } from '@cqrs/contract/topics.ts';
import type { CqrsService, Source } from '../api/v1alpha1/schema.ts';
import type { CommandService, QueryService } from '../api/v1alpha1/service-kinds.ts';
import type { ConfigMap } from './config-map.ts';
import type { Component } from './names.ts';
import { ownedMeta } from './owner.ts';
import { ownerName, ownerOf, type Siblings } from './sources.ts';

/** The file in each ConfigMap, which the contract's path points at. */
const configFileName = 'config.json';

const secondsByUnit: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

export function commandConfig(service: CommandService): CommandConfig {
  return { service: identity(service), aggregates: service.spec.aggregates };
}

export function relayConfig(service: CommandService): RelayConfig {
  const { partitions } = service.spec.events;
  const retention = retentionOf(service);
  return {
    service: identity(service),
    slot: slotName(identity(service)),
    publication: postgresNames.publication,
    topics: service.spec.aggregates.map(({ name }) => ({
      aggregate: name,
      topic: topicName(identity(service), name),
      partitions,
      retention,
    })),
  };
}

export function projectorConfig(service: QueryService, siblings: Siblings): ProjectorConfig {
  return { service: identity(service), views: viewConfigs(service, siblings) };
}

export function queryConfig(service: QueryService, siblings: Siblings): QueryConfig {
  return { service: identity(service), views: viewConfigs(service, siblings) };
}

export function commandConfigMap(service: CommandService): ConfigMap {
  return configMap(service, 'command', commandConfig(service));
}

export function relayConfigMap(service: CommandService): ConfigMap {
  return configMap(service, 'relay', relayConfig(service));
}

export function projectorConfigMap(service: QueryService, siblings: Siblings): ConfigMap {
  return configMap(service, 'projector', projectorConfig(service, siblings));
}

export function queryConfigMap(service: QueryService, siblings: Siblings): ConfigMap {
  return configMap(service, 'query', queryConfig(service, siblings));
}

function configMap(service: CqrsService, component: Component, config: object): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMeta(service, component),
    data: { [configFileName]: `${JSON.stringify(config, null, 2)}\n` },
  };
}

function identity(service: CqrsService): ServiceIdentity {
  return { namespace: service.metadata.namespace, name: service.metadata.name };
}

/** `30d` → whole seconds; admission lets only the two words and durations through. */
export function retentionOf(service: CqrsService): Retention {
  const { retention } = service.spec.events;
  if (retention === 'forever' || retention === 'compact') return retention;
  return { seconds: Number(retention.slice(0, -1)) * (secondsByUnit[retention.slice(-1)] ?? 1) };
}

function viewConfigs(service: QueryService, siblings: Siblings): ViewConfig[] {
  return service.spec.query.views.map(({ name, sources, indexes }) => ({
    name,
    sources: sources.map((source) => viewSource(service, source, siblings)),
    indexes,
  }));
}

function viewSource(service: CqrsService, source: Source, siblings: Siblings): ViewSource {
  const { aggregate } = source;
  const { namespace } = service.metadata;
  const owner = ownerOf(service, source, siblings);
  return {
    topic: topicName({ namespace, name: ownerName(service, source) }, aggregate),
    aggregate,
    // Of an owner that is not there we know nothing, so we do not promise that nothing was ever dropped.
    gapless: owner !== undefined && retentionOf(owner) === 'forever',
    ...roleOf(source),
  };
}

type Role =
  | { readonly role: 'root' }
  | { readonly role: 'part'; readonly key: string; readonly as: string; readonly many: boolean }
  | { readonly role: 'lookup'; readonly lookup: string; readonly as: string };

/** Admission lets `as` come only with exactly one of `key` and `lookup`, and the root with none of them. */
function roleOf({ key, lookup, as, many }: Source): Role {
  if (as !== undefined && key !== undefined) return { role: 'part', key, as, many: many ?? false };
  if (as !== undefined && lookup !== undefined) return { role: 'lookup', lookup, as };
  return { role: 'root' };
}
