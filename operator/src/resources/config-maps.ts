import type {
  CommandConfig,
  JsonSchema,
  ProjectorConfig,
  QueryConfig,
  RelayConfig,
  Retention,
  ServiceIdentity,
  ViewConfig,
  ViewSource,
} from '@cqrs/contract/config.ts';
import { postgresNames, slotName } from '@cqrs/contract/postgres-names.ts';
import { deadLetterTopic, topicName } from '@cqrs/contract/topics.ts';
import type { CqrsService, Source } from '../api/v1alpha1/schema.ts';
import {
  hasCommand,
  type CommandService,
  type QueryService,
} from '../api/v1alpha1/service-kinds.ts';
import { modulePath } from './behavior-files.ts';
import type { ConfigMap } from './config-map.ts';
import type { Component } from './names.ts';
import { ownedMeta } from './owner.ts';
import { ownerName, ownerOf, type Siblings } from './sources.ts';

/** The file in each ConfigMap, which the contract's path points at. */
export const configFileName = 'config.json';

const secondsByUnit: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

export function commandConfig(service: CommandService): CommandConfig {
  const aggregates = service.spec.aggregates.map((aggregate) => {
    const { name, schema } = aggregate;
    const module = modulePath(aggregate);
    return { name, schema, ...(module !== undefined && { behavior: { module } }) };
  });
  return { service: identity(service), aggregates };
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

/** Every topic that goes with the service: of its aggregates, and of events that its views put aside. */
export function topicCleanupConfig(service: CqrsService): RelayConfig {
  const { partitions } = service.spec.events;
  const putAside = deadLetterViews(service).map((view) => ({
    aggregate: view,
    topic: deadLetterTopic(identity(service), view),
    partitions,
    retention: 'forever' as const,
  }));
  return {
    service: identity(service),
    slot: slotName(identity(service)),
    publication: postgresNames.publication,
    topics: [...(hasCommand(service) ? relayConfig(service).topics : []), ...putAside],
  };
}

/** Names of the views that put events aside in a topic of their own. */
export function deadLetterViews(service: CqrsService): readonly string[] {
  const views = service.spec.query?.views ?? [];
  return views.filter(({ poison }) => poison === 'dead-letter').map(({ name }) => name);
}

export function projectorConfig(service: QueryService, siblings: Siblings): ProjectorConfig {
  const views = viewConfigs(service, siblings).map((view, position) => ({
    ...view,
    poison: service.spec.query.views[position]?.poison ?? 'halt',
  }));
  return { service: identity(service), views };
}

export function queryConfig(service: QueryService, siblings: Siblings): QueryConfig {
  const views = viewConfigs(service, siblings);
  return { service: identity(service), views, schemas: knownSchemas(service, siblings) };
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
    data: { [configFileName]: written(config) },
  };
}

/** As it stands in the file: for people who look at the ConfigMap, too. */
function written(config: object): string {
  return `${JSON.stringify(config, null, 2)}\n`;
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

// A ConfigMap holds 1 MiB in all, and a description that is too long must not keep the views from being served.
const schemasBytesMax = 512 * 1024;

/** The schema of each source's aggregate by its topic, as many as fit, of the owners that are there. */
function knownSchemas(service: QueryService, siblings: Siblings): QueryConfig['schemas'] & object {
  const schemas: Record<string, JsonSchema> = {};
  let bytes = 0;
  for (const source of service.spec.query.views.flatMap((view) => view.sources)) {
    const owner = ownerOf(service, source, siblings);
    const schema = owner?.spec.aggregates?.find(({ name }) => name === source.aggregate)?.schema;
    const topic = topicOf(service, source);
    if (schema === undefined || schemas[topic] !== undefined) continue;
    const length = Buffer.byteLength(written(schema));
    if (bytes + length > schemasBytesMax) continue;
    bytes += length;
    schemas[topic] = schema;
  }
  return schemas;
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
  const owner = ownerOf(service, source, siblings);
  return {
    topic: topicOf(service, source),
    aggregate,
    // Of an owner that is not there we know nothing, so we do not promise that nothing was ever dropped.
    gapless: owner !== undefined && retentionOf(owner) === 'forever',
    ...roleOf(source),
  };
}

function topicOf(service: CqrsService, source: Source): string {
  const { namespace } = service.metadata;
  return topicName({ namespace, name: ownerName(service, source) }, source.aggregate);
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
