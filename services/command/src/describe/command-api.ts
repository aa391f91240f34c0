import type { JsonSchema, ServiceIdentity } from '@cqrs/contract/config.ts';
import type { ProblemCode } from '@cqrs/contract/problems.ts';
import type { ApiDocument } from '@cqrs/runtime/describe/api-document.ts';
import {
  embedSchema,
  withMembers,
  withoutRequired,
} from '@cqrs/runtime/describe/embedded-schema.ts';
import { problemResponses, problemSchema } from '@cqrs/runtime/describe/problem-responses.ts';
import { bodyBytesMax } from '../body-rooms.ts';
import { createdMember, headers, parameters } from './command-parts.ts';

type Json = { readonly [member: string]: unknown };

/** What writes an aggregate: PUT and its like, or commands; null while nobody knows which there are. */
export type Commands = Readonly<Record<string, JsonSchema>> | null;

export type DescribedAggregate = {
  readonly name: string;
  readonly schema: JsonSchema;
  /** Of an aggregate with behavior. */
  readonly commands?: Commands;
};

/** What an operation on an aggregate may always answer. */
const everywhere: readonly ProblemCode[] = [
  ...(['malformed-request', 'malformed-token', 'request-timeout', 'headers-too-large'] as const),
  ...(['internal-error', 'overloaded', 'store-unavailable'] as const),
];
const onWriting: readonly ProblemCode[] = [
  ...everywhere,
  ...(['malformed-body', 'idempotency-in-progress', 'version-mismatch', 'body-too-large'] as const),
  ...(['unsupported-media-type', 'idempotency-key-reused'] as const),
];
const onCommanding: readonly ProblemCode[] = [
  ...onWriting,
  ...(['unknown-command', 'command-refused', 'behavior-failed', 'behavior-unavailable'] as const),
];
/** What is answered to paths and methods that the description does not have. */
const elsewhere: readonly ProblemCode[] = ['unknown-aggregate', 'method-not-allowed'];

/** The OpenAPI document (3.1) of a command service. */
export function commandApi(
  service: ServiceIdentity,
  aggregates: readonly DescribedAggregate[],
): ApiDocument {
  const problems = [...new Set([...onCommanding, 'not-found' as const, ...elsewhere])];
  return {
    openapi: '3.1.1',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: `Commands of ${service.name}`,
      description: `The write side of ${service.namespace}/${service.name}. An answer says the version that the aggregate has now. Give its Consistency-Token to the query side, and what was written is read. A body has at most ${bodyBytesMax} bytes; strings are without U+0000, integers within 53 bits.`,
    },
    servers: [{ url: '/' }],
    tags: aggregates.map(({ name }) => ({ name })),
    paths: Object.assign({}, ...aggregates.map(pathsOf)) as Json,
    components: {
      schemas: {
        ...(Object.assign({}, ...aggregates.map(schemasOf)) as Json),
        // No aggregate's name has a capital.
        Written: written,
        Problem: problemSchema(problems, createdMember),
      },
      parameters,
      headers,
    },
  };
}

const written = {
  type: 'object',
  required: ['id', 'version'],
  properties: {
    id: { type: 'string' },
    version: {
      type: 'integer',
      minimum: 0,
      description: 'Counts the events of the aggregate; 0 of one that was never written.',
    },
  },
};

const schemaAt = (name: string): string => `#/components/schemas/${name}`;

/** Names in which no aggregate's can occur, which has no dots. */
const stateOf = (name: string): string => `${name}.state`;
const bodyOf = (name: string): string => `${name}.body`;

function schemasOf({ name, schema, commands }: DescribedAggregate): Json {
  const at = schemaAt(name);
  const id = { type: 'string', description: 'As in the path.' };
  const read = {
    [name]: embedSchema(schema, at),
    [stateOf(name)]: withMembers(schema, at, { id }),
  };
  if (commands === undefined) return { ...read, [bodyOf(name)]: withoutRequired(schema, at, 'id') };
  const bodies = Object.entries(commands ?? {}).map(([command, data]) => {
    const place = `${name}.${command}.command`;
    return [place, embedSchema(data, schemaAt(place))];
  });
  return { ...read, ...(Object.fromEntries(bodies) as Json) };
}

function pathsOf(aggregate: DescribedAggregate): Json {
  const { name, commands } = aggregate;
  const read = operation(name, {
    summary: 'Read from the write side',
    parameters: ['id', 'If-None-Match', 'Consistency-Token'],
    responses: {
      ...found(name),
      ...problemResponses([...everywhere, 'not-found']),
    },
  });
  if (commands !== undefined) {
    return { [`/${name}/{id}`]: { get: read }, ...commandPaths(name, commands) };
  }
  return {
    [`/${name}`]: { post: creation(name) },
    [`/${name}/{id}`]: { get: read, ...writing(name) },
  };
}

function operation(
  tag: string,
  of: {
    readonly parameters: readonly (keyof typeof parameters)[];
    readonly [more: string]: unknown;
  },
): Json {
  const references = of.parameters.map((name) => ({ $ref: `#/components/parameters/${name}` }));
  return { tags: [tag], ...of, parameters: references };
}

const onEveryAnswer = ['ETag', 'Consistency-Token', 'Consistency-Status'] as const;
const onEveryWrite = ['Idempotency-Key', 'If-Match', 'If-None-Match', 'Consistency-Token'] as const;

function creation(name: string): Json {
  const body = { allOf: [{ $ref: schemaAt(bodyOf(name)) }, { not: { required: ['id'] } }] };
  return operation(name, {
    summary: 'Create under a new id',
    parameters: onEveryWrite,
    requestBody: { required: true, content: { 'application/json': { schema: body } } },
    responses: {
      201: change('Created.', ['Location']),
      ...problemResponses(onWriting),
    },
  });
}

function writing(name: string): Json {
  const body = { schema: { $ref: schemaAt(bodyOf(name)) } };
  const patch = {
    type: 'object',
    description: `A merge patch (RFC 7396): fields to set, null for one to remove. The patched state must be as ${name}.`,
  };
  return {
    put: operation(name, {
      summary: 'Create or replace',
      parameters: ['id', ...onEveryWrite],
      requestBody: { required: true, content: { 'application/json': body } },
      responses: {
        200: change('Replaced.'),
        201: change('Created.'),
        ...problemResponses(onWriting),
      },
    }),
    patch: operation(name, {
      summary: 'Change some fields',
      parameters: ['id', ...onEveryWrite],
      requestBody: {
        required: true,
        content: {
          'application/merge-patch+json': { schema: patch },
          'application/json': { schema: patch },
        },
      },
      responses: { 200: change('Changed.'), ...problemResponses([...onWriting, 'not-found']) },
    }),
    delete: operation(name, {
      summary: 'Delete',
      parameters: ['id', ...onEveryWrite],
      responses: {
        204: { description: 'Deleted.', headers: referred([...onEveryAnswer]) },
        ...problemResponses([...onWriting, 'not-found']),
      },
    }),
  };
}

function commandPaths(name: string, commands: Commands): Json {
  if (commands === null) {
    const some = commandOperation(name, `Any command of ${name}`, { type: 'object' });
    return {
      [`/${name}/{id}/{command}`]: {
        post: {
          ...some,
          parameters: [...some.parameters, { $ref: '#/components/parameters/command' }],
        },
      },
    };
  }
  const paths = Object.keys(commands).map((command) => {
    const schema = { $ref: schemaAt(`${name}.${command}.command`) };
    return [`/${name}/{id}/${command}`, { post: commandOperation(name, command, schema) }];
  });
  return Object.fromEntries(paths) as Json;
}

function commandOperation(name: string, summary: string, schema: Json) {
  const described = operation(name, {
    summary,
    parameters: ['idOrNew', ...onEveryWrite],
    requestBody: {
      description: 'May be left out where the command needs no data.',
      content: { 'application/json': { schema } },
    },
    responses: {
      200: change('Applied, or there was nothing to change.'),
      201: change('Created.'),
      ...problemResponses(onCommanding),
    },
  });
  return { ...described, parameters: described['parameters'] as readonly Json[] };
}

function found(name: string): Json {
  const always = referred([...onEveryAnswer]);
  const content = { 'application/json': { schema: { $ref: schemaAt(stateOf(name)) } } };
  return {
    200: { description: 'Its state.', headers: always, content },
    304: { description: 'It has the version that If-None-Match names.', headers: always },
  };
}

function change(description: string, more: readonly (keyof typeof headers)[] = []): Json {
  return {
    description,
    headers: referred([...onEveryAnswer, ...more]),
    content: { 'application/json': { schema: { $ref: schemaAt('Written') } } },
  };
}

function referred(names: readonly (keyof typeof headers)[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
