import type { JsonSchema, QueryConfig, ViewConfig, ViewSource } from '@cqrs/contract/config.ts';
import type { ProblemCode } from '@cqrs/contract/problems.ts';
import type { ApiDocument } from '@cqrs/runtime/describe/api-document.ts';
import { embedSchema, withMembers } from '@cqrs/runtime/describe/embedded-schema.ts';
import { problemResponses, problemSchema } from '@cqrs/runtime/describe/problem-responses.ts';
import { eventStreamContent, headers, parameters } from './query-parts.ts';

type Json = { readonly [member: string]: unknown };
type Schemas = NonNullable<QueryConfig['schemas']>;

const everywhere: readonly ProblemCode[] = [
  ...(['malformed-request', 'malformed-token', 'request-timeout', 'headers-too-large'] as const),
  ...(['not-acceptable', 'internal-error', 'overloaded', 'store-unavailable'] as const),
  ...(['view-building', 'view-halted', 'event-dead-lettered', 'consistency-timeout'] as const),
];
/** What is answered to paths and methods that the description does not have. */
const elsewhere: readonly ProblemCode[] = ['unknown-view', 'method-not-allowed'];

/** The OpenAPI document (3.1) of a query service; what has no schema is described as an object with an id. */
export function queryApi({ service, views, schemas = {} }: QueryConfig): ApiDocument {
  const problems = [...everywhere, 'malformed-query', 'not-found', ...elsewhere] as const;
  const topics = new Set(views.flatMap(({ sources }) => sources.map(({ topic }) => topic)));
  const named = [...topics].flatMap((topic) => {
    const schema = schemas[topic];
    return schema === undefined ? [] : [[topic, embedSchema(schema, schemaAt(topic))]];
  });
  return {
    openapi: '3.1.1',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: `Views of ${service.name}`,
      description: `The read side of ${service.namespace}/${service.name}. Views follow what is written, most often within milliseconds; whoever brings the Consistency-Token of a command waits until its effect is there. Answers come as gzip where that pays and is accepted. Schemas are those of now: what was written before one changed may differ.`,
    },
    servers: [{ url: '/' }],
    tags: views.map(({ name }) => ({ name })),
    paths: Object.assign({}, ...views.map(pathsOf)) as Json,
    components: {
      schemas: {
        ...(Object.fromEntries(named) as Json),
        ...Object.fromEntries(views.map((view) => [view.name, documentSchema(view, schemas)])),
        // No view's name has a capital.
        Problem: problemSchema(problems),
      },
      parameters,
      headers,
    },
  };
}

/** A topic's name has dots and a view's has none, so both are names of schemas. */
const schemaAt = (name: string): string => `#/components/schemas/${name}`;

const id = { type: 'string', description: "The aggregate's." };

/** A view's document: its root's state with what is shown beside it. */
function documentSchema({ name, sources }: ViewConfig, schemas: Schemas): JsonSchema {
  const members: Record<string, JsonSchema> = { id };
  let root: JsonSchema = { type: 'object', properties: {}, required: [] };
  let at = schemaAt(name);
  for (const source of sources) {
    if (source.role === 'root') {
      const known = schemas[source.topic];
      if (known === undefined) continue;
      root = known;
      at = schemaAt(source.topic);
    } else {
      members[source.as] = shown(source, schemas);
    }
  }
  return withMembers(root, at, members);
}

function shown(
  source: Exclude<ViewSource, { readonly role: 'root' }>,
  schemas: Schemas,
): JsonSchema {
  const schema = schemas[source.topic] ?? { type: 'object' };
  const state = withMembers(schema, schemaAt(source.topic), { id });
  if (source.role === 'part' && source.many) return { type: 'array', items: state };
  const what =
    source.role === 'lookup'
      ? `the ${source.aggregate} that ${source.lookup} names`
      : source.aggregate;
  return {
    description: `Null where there is no ${what}.`.replace('no the', 'no'),
    anyOf: [state, { type: 'null' }],
  };
}

function pathsOf(view: ViewConfig): Json {
  const { name } = view;
  return {
    [`/${name}`]: {
      get: {
        tags: [name],
        summary: 'A list, or documents by many keys',
        description: offers(view),
        parameters: [...filters(view), ...references(['limit', 'after', 'key', ...onEveryRead])],
        responses: responses(manySchema(name), [...everywhere, 'malformed-query']),
      },
    },
    [`/${name}/{key}`]: {
      get: {
        tags: [name],
        summary: 'One document',
        parameters: references(['path', ...onEveryRead]),
        responses: responses({ $ref: schemaAt(name) }, [...everywhere, 'not-found']),
      },
    },
  };
}

const onEveryRead = ['If-None-Match', 'Consistency-Token', 'Prefer', 'Last-Event-ID'] as const;

function references(names: readonly (keyof typeof parameters)[]): readonly Json[] {
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

/** Which combinations of parameters are answered, which parameters by themselves cannot say. */
function offers({ name, indexes }: ViewConfig): string {
  const lists = indexes.map(({ by, order }) => {
    const query = [
      ...by.map((field) => `${field}={${field}}`),
      ...(order.length === 0 ? [] : [`order=${order.join(',')}`]),
    ];
    return `\`/${name}${query.length === 0 ? '' : `?${query.join('&')}`}\``;
  });
  const keys = `\`/${name}?key={key}&key={key}\``;
  const all = lists.length === 0 ? keys : `${lists.join(', ')}; ${keys}`;
  return `Offered are ${all}. A list also takes \`limit\` and \`after\`, and is followed with \`Accept: text/event-stream\`.`;
}

function filters({ indexes }: ViewConfig): readonly Json[] {
  const fields = [...new Set(indexes.flatMap(({ by }) => by))];
  const orders = [...new Set(indexes.map(({ order }) => order.join(',')))].filter(
    (order) => order !== '',
  );
  const byField = fields.map((name) => ({
    name,
    in: 'query',
    description: `Documents whose ${name} is this; an empty text finds those without one.`,
    schema: { type: 'string' },
  }));
  if (orders.length === 0) return byField;
  const order = {
    name: 'order',
    in: 'query',
    description: 'The order of the list, `-` for descending.',
    schema: { type: 'string', enum: orders },
  };
  return [...byField, order];
}

function manySchema(name: string): Json {
  const items = { type: 'array', items: { $ref: schemaAt(name) } };
  const keys = { type: 'array', items: { type: 'string' } };
  return {
    oneOf: [
      {
        title: 'A page of a list',
        type: 'object',
        required: ['items', 'next'],
        properties: {
          items,
          next: { type: ['string', 'null'], description: 'What `after` is for the next page.' },
        },
      },
      {
        title: 'Documents by many keys',
        type: 'object',
        required: ['items', 'missing', 'remaining'],
        properties: {
          items,
          missing: { ...keys, description: 'Under these there is nothing.' },
          remaining: { ...keys, description: 'A full answer had no room for these: ask again.' },
        },
      },
    ],
  };
}

function responses(schema: Json, problems: readonly ProblemCode[]): Json {
  const always = ['ETag', 'Consistency-Token', 'Preference-Applied', 'Consistency-Status'] as const;
  const shownHeaders = Object.fromEntries(
    always.map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
  return {
    200: {
      description: 'What the view shows now.',
      headers: shownHeaders,
      content: { 'application/json': { schema }, 'text/event-stream': eventStreamContent },
    },
    304: { description: 'It is what If-None-Match names.', headers: shownHeaders },
    ...problemResponses(problems),
  };
}
