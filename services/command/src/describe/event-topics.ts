import type { ServiceIdentity } from '@cqrs/contract/config.ts';
import { changeKinds, eventType, headerNames, type ChangeKind } from '@cqrs/contract/envelope.ts';
import { topicName } from '@cqrs/contract/topics.ts';
import type { ApiDocument } from '@cqrs/runtime/describe/api-document.ts';
import { embedSchema, withMembers } from '@cqrs/runtime/describe/embedded-schema.ts';
import type { DescribedAggregate } from './command-api.ts';

type Json = { readonly [member: string]: unknown };

/** JSON Schemas of aggregates are of a later draft than the one that AsyncAPI takes unless told. */
const schemaFormat = 'application/schema+json;version=draft-2020-12';
const kafkaBindingVersion = '0.5.0';

/** The AsyncAPI document (3.0) of what a command service's aggregates publish. */
export function eventTopics(
  service: ServiceIdentity,
  aggregates: readonly DescribedAggregate[],
): ApiDocument {
  return {
    asyncapi: '3.0.0',
    info: {
      title: `Events of ${service.name}`,
      description: `What is written to ${service.namespace}/${service.name}, as the relay publishes it: CloudEvents 1.0 in binary mode, one topic for each aggregate, in the order of the commits for each id. An event may come twice, with the same ${headerNames.id} and ${headerNames.sequence}.`,
    },
    defaultContentType: 'application/json',
    channels: byName(aggregates, (aggregate) => channelOf(service, aggregate)),
    operations: byName(aggregates, ({ name }) => ({
      action: 'send',
      channel: { $ref: `#/channels/${name}` },
      summary: `Publishes each event of ${name} after its commit.`,
    })),
    components: {
      messages: Object.assign({}, ...aggregates.map(messagesOf)) as Json,
      schemas: Object.assign({}, ...aggregates.map(schemasOf)) as Json,
    },
  };
}

function byName(
  aggregates: readonly DescribedAggregate[],
  of: (aggregate: DescribedAggregate) => Json,
): Json {
  return Object.fromEntries(aggregates.map((aggregate) => [aggregate.name, of(aggregate)]));
}

function channelOf(service: ServiceIdentity, aggregate: DescribedAggregate): Json {
  const topic = topicName(service, aggregate.name);
  const messages = messageNames(aggregate).map((name) => [
    name,
    { $ref: `#/components/messages/${name}` },
  ]);
  return {
    address: topic,
    messages: Object.fromEntries(messages) as Json,
    bindings: { kafka: { topic, bindingVersion: kafkaBindingVersion } },
  };
}

/** An aggregate with behavior has events of its own naming, which nothing lists. */
function messageNames({ name, commands }: DescribedAggregate): readonly string[] {
  if (commands !== undefined) return [eventType(name, '*')];
  return changeKinds.map((kind) => eventType(name, kind));
}

function messagesOf(aggregate: DescribedAggregate): Json {
  const { name, commands } = aggregate;
  if (commands !== undefined) {
    const anyName = eventType(name, '*');
    const type = { type: 'string', pattern: `^${name}\\.[a-z][a-z0-9]*(-[a-z0-9]+)*$` };
    const data = { type: 'object', description: 'What the event says; each type has its own.' };
    const states = [stateReference(name), { type: 'null' }];
    return { [anyName]: message(anyName, type, { state: { anyOf: states }, data }) };
  }
  const messages = changeKinds.map((kind) => {
    const type = eventType(name, kind);
    return [type, message(type, { const: type }, valueOf(name, kind))];
  });
  return Object.fromEntries(messages) as Json;
}

/** The members of an event's value (`EventValue` of the contract). */
function valueOf(name: string, kind: ChangeKind): { readonly state: Json; readonly data: Json } {
  if (kind === 'deleted') return { state: { type: 'null' }, data: { type: 'null' } };
  const data = {
    type: 'object',
    description: 'What the command carried: the fields, or the merge patch of a PATCH.',
  };
  return { state: stateReference(name), data };
}

function message(
  name: string,
  type: Json,
  { state, data }: { readonly state: Json; readonly data: Json },
): Json {
  const schema = {
    type: 'object',
    required: ['state', 'data'],
    properties: { state: { ...state, description: 'After the event; null once deleted.' }, data },
  };
  return {
    name,
    contentType: 'application/json',
    headers: { schemaFormat, schema: headersSchema(type) },
    payload: { schemaFormat, schema },
    bindings: {
      kafka: {
        key: { type: 'string', description: "The aggregate's id." },
        bindingVersion: kafkaBindingVersion,
      },
    },
  };
}

const text = { type: 'string' };
const digits = { type: 'string', pattern: '^[0-9]+$' };

function headersSchema(type: Json): Json {
  const properties = {
    [headerNames.specversion]: { const: '1.0' },
    [headerNames.id]: { type: 'string', format: 'uuid' },
    [headerNames.source]: { ...text, description: 'The service: /<namespace>/<name>.' },
    [headerNames.type]: type,
    [headerNames.subject]: { ...text, description: "The aggregate's id." },
    [headerNames.time]: { type: 'string', format: 'date-time' },
    [headerNames.partitionkey]: { ...text, description: "The aggregate's id." },
    [headerNames.sequence]: {
      ...digits,
      description: 'The version of the aggregate that this event made: 1, 2, 3 and so on.',
    },
    [headerNames.lsn]: { ...digits, description: "The commit's place in the WAL." },
    [headerNames.index]: { ...digits, description: "The event's place in its transaction." },
    [headerNames.contentType]: { const: 'application/json' },
  };
  const traceparent = { ...text, description: 'W3C Trace Context of the command, if it had one.' };
  return {
    type: 'object',
    required: Object.keys(properties),
    properties: { ...properties, [headerNames.traceparent]: traceparent },
  };
}

/** Where a schema stands below `components.schemas`, beside the name of its format. */
const schemaAt = (name: string): string => `#/components/schemas/${name}/schema`;
const stateOf = (name: string): string => `${name}.state`;

function stateReference(name: string): Json {
  return { $ref: schemaAt(stateOf(name)) };
}

function schemasOf({ name, schema }: DescribedAggregate): Json {
  const at = schemaAt(name);
  const id = { type: 'string' };
  return {
    [name]: { schemaFormat, schema: embedSchema(schema, at) },
    [stateOf(name)]: { schemaFormat, schema: withMembers(schema, at, { id }) },
  };
}
