/** The descriptions of both APIs and of the topics: held against their standards, and the real services against them. */
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import type { AggregateConfig, JsonSchema, ViewConfig } from '@cqrs/contract/config.ts';
import specs from '@asyncapi/specs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { problems } from '@cqrs/contract/problems.ts';
import { signToken, tokenKeys } from '@cqrs/contract/consistency-token.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { startService, temporaryFolder, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { trySchema } from '../support/schemathesis/schemathesis.ts';
import { feedView } from '../support/view-feed.ts';

const service = { namespace: 'test', name: 'shop' };
const pollMsMax = 10_000;
const trialMsMax = 180_000;
const seed = 20_260_301;

const text = { type: 'string', maxLength: 40, pattern: '^[A-Za-z ]*$' };
const cents = { type: 'integer', minimum: 0, maximum: 1_000_000 };
/** Closed, with definitions: what has to be moved and opened where it is described. */
const order: AggregateConfig = {
  name: 'order',
  schema: {
    type: 'object',
    required: ['customerId', 'lines'],
    properties: {
      customerId: text,
      total: cents,
      lines: { type: 'array', maxItems: 3, items: { $ref: '#/$defs/line' } },
    },
    additionalProperties: false,
    $defs: {
      line: {
        type: 'object',
        required: ['sku'],
        properties: { sku: text, cents },
        additionalProperties: false,
      },
    },
  },
};
const customer: AggregateConfig = {
  name: 'customer',
  schema: {
    type: 'object',
    required: ['name'],
    properties: { id: { type: 'string' }, name: text },
    additionalProperties: false,
  },
};
const claim: AggregateConfig = {
  name: 'claim',
  schema: {
    type: 'object',
    required: ['id', 'customerId', 'status'],
    properties: { status: { enum: ['placed', 'shipped', 'canceled'] } },
  },
  behavior: {
    module: join(import.meta.dirname, '../../services/examples/order-behavior/order.ts'),
  },
};
const aggregates = [order, customer, claim];

const topicOf = (aggregate: string): string => `test.shop.${aggregate}`;
const source = (aggregate: string) => ({ topic: topicOf(aggregate), aggregate, gapless: true });
const orders: ViewConfig = {
  name: 'orders',
  sources: [
    { ...source('order'), role: 'root' },
    { ...source('customer'), role: 'lookup', lookup: 'customerId', as: 'customer' },
    { ...source('claim'), role: 'part', key: 'orderId', as: 'claims', many: true },
  ],
  indexes: [
    { by: ['customerId'], order: ['-total'] },
    { by: [], order: ['total'] },
  ],
};
const customers: ViewConfig = {
  name: 'customers',
  sources: [{ ...source('customer'), role: 'root' }],
  indexes: [],
};
const views = [orders, customers];
const states: Readonly<Record<string, object>> = {
  order: { customerId: 'a', total: 7, lines: [{ sku: 'lamp', cents: 7 }] },
  customer: { name: 'Ann' },
  claim: { orderId: 'a', customerId: 'a', status: 'placed' },
};
const schemas = { [topicOf('order')]: order.schema, [topicOf('customer')]: customer.schema };

let postgres: TestPostgres;
let redis: TestRedis;
let command: TestService;
let query: TestService;
let queryConfigFile: string;
/** A token of what the views show. */
let known: string;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const key = { CQRS_TOKEN_KEY: randomBytes(32).toString('base64') };
  const entries = [{ topic: topicOf('order'), id: 'a', version: 1 }];
  known = signToken(tokenKeys(key)!, entries);
  command = await startService({
    program: 'command',
    config: { service, aggregates },
    env: { ...postgres.env('command'), ...key },
  });
  for (const view of views) {
    const feed = await feedView(redis.client, service, view);
    for (const { aggregate } of view.sources) {
      const state = JSON.stringify({ id: 'a', ...states[aggregate] });
      await feed.apply(aggregate, [{ id: 'a', version: 1, state }]);
    }
  }
  queryConfigFile = join(await temporaryFolder('query-config'), 'config.json');
  await writeFile(queryConfigFile, JSON.stringify({ service, views, schemas }));
  query = await startService({
    program: 'query',
    config: {},
    env: { ...redis.env, ...key, CQRS_CONFIG_FILE: queryConfigFile },
  });
  await Promise.all([command.ready(), query.ready()]);
});

afterAll(async () => {
  await query?.kill();
  await command?.kill();
  await redis?.stop();
  await postgres?.stop();
});

type Described = {
  readonly paths: Readonly<Record<string, object>>;
  readonly channels: Readonly<Record<string, { readonly address: string }>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
};

async function described(url: string): Promise<Described> {
  const answer = await fetch(url);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    expect.stringMatching(/^application\/json\b/),
  ]);
  return (await answer.json()) as Described;
}

test('both descriptions are OpenAPI 3.1', async () => {
  for (const { http } of [command, query]) {
    const validator = new Validator();
    const result = await validator.validate(await described(`${http}/openapi.json`));
    expect([result, validator.version]).toEqual([{ valid: true }, '3.1']);
  }
});

test('every schema in them is one of JSON Schema 2020-12 whose references hold', async () => {
  for (const { http } of [command, query]) {
    const document = await described(`${http}/openapi.json`);
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    ajv.addSchema({ $id: 'https://api.example/openapi.json', ...document });
    for (const name of Object.keys(document.components.schemas)) {
      expect(() =>
        ajv.compile({ $ref: `https://api.example/openapi.json#/components/schemas/${name}` }),
      ).not.toThrow();
    }
  }
});

test('they have a path for all that is offered, the commands of a module among it', async () => {
  const commands = await described(`${command.http}/openapi.json`);
  expect(Object.keys(commands.paths).toSorted()).toEqual([
    '/claim/{id}',
    '/claim/{id}/cancel',
    '/claim/{id}/place',
    '/claim/{id}/ship',
    '/customer',
    '/customer/{id}',
    '/order',
    '/order/{id}',
  ]);
  const queries = await described(`${query.http}/openapi.json`);
  expect(Object.keys(queries.paths)).toEqual([
    '/orders',
    '/orders/{key}',
    '/customers',
    '/customers/{key}',
  ]);
});

test('the topics are AsyncAPI 3.0', async () => {
  const document = await described(`${command.http}/asyncapi.json`);
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const validate = ajv.compile(specs.schemasWithoutId['3.0.0'] as object);
  expect([validate(document), validate.errors]).toEqual([true, null]);
  expect(Object.values(document.channels).map(({ address }) => address)).toEqual(
    aggregates.map(({ name }) => topicOf(name)),
  );
});

test.each(['openapi', 'asyncapi'])('who has %s.json already is told so', async (name) => {
  const url = `${command.http}/${name}.json`;
  const etag = (await fetch(url)).headers.get('etag') ?? '';
  expect(etag).toMatch(/^"[0-9a-f]+"$/);
  expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
});

const queryText = async (): Promise<string> => (await fetch(`${query.http}/openapi.json`)).text();

test('the query side describes what the mounted file says now, and survives a bad one', async () => {
  const before = await queryText();
  await writeFile(queryConfigFile, '{"schemas": ');
  const withNote = {
    ...schemas,
    [topicOf('customer')]: { properties: { name: text, note: { const: 'new' } } },
  };
  await writeFile(`${queryConfigFile}.new`, JSON.stringify({ service, views, schemas: withNote }));
  const until = performance.now() + 1_500;
  while (performance.now() < until) expect(await queryText()).toBe(before);
  await writeFile(queryConfigFile, JSON.stringify({ service, views, schemas: withNote }));
  await eventually('the new schema', pollMsMax, async () =>
    (await queryText()).includes('{"const":"new"}'),
  );
  await rm(queryConfigFile);
  const after = await queryText();
  expect(after).toContain('{"const":"new"}');
  await writeFile(queryConfigFile, JSON.stringify({ service, views, schemas }));
  await eventually('the old schema', pollMsMax, async () => (await queryText()) === before);
});

test('every problem there is belongs to one of them', async () => {
  const types = await Promise.all(
    [command, query].map(async ({ http }) => {
      const { components } = await described(`${http}/openapi.json`);
      const { Problem } = components.schemas as { Problem: { properties: { type: JsonSchema } } };
      return Problem.properties.type['enum'] as readonly string[];
    }),
  );
  const all = Object.keys(problems).map((code) => `urn:cqrs:problem:${code}`);
  expect([...new Set(types.flat())].toSorted()).toEqual(all.toSorted());
});

test('a body where none is taken is refused by its method, whatever it is', async () => {
  for (const [method, type] of [
    ['POST', 'application/json'],
    ['PUT', 'text/none'],
    ['DELETE', 'application/json'],
  ]) {
    const headers = { 'content-type': type ?? '' };
    const answer = await fetch(`${query.http}/orders`, {
      method: method ?? '',
      headers,
      body: '{',
    });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  }
});

test('what is no request at all is answered with a problem', async () => {
  for (const { http } of [command, query]) {
    const socket = connect(Number(new URL(http).port), '127.0.0.1');
    socket.end('NONSENSE\r\n\r\n');
    const said = await readText(socket);
    expect(said).toMatch(/^HTTP\/1\.1 400 /);
    expect(said).toContain('urn:cqrs:problem:malformed-request');
  }
});

/** An answer of 400 to what fits the description is a fault of the description, but for what it cannot say. */
const settings = (more = ''): string => `
[parameters]
"header.Consistency-Token" = "${known}"
[generation]
max-examples = 6
allow-x00 = false
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "3xx", "404", "409", "412", "422"]
negative_data_rejection.expected-statuses = ["4xx"]
# This phase takes "0" for an If-Match as the description allows it.
[phases.coverage.checks]
positive_data_acceptance.enabled = false
${more}
`;

test(
  'the command service answers as it is described',
  async () => {
    const printed = await trySchema({ url: command.http, settings: settings(mergePatches), seed });
    expect(printed).toMatch(/Tested: 14/);
  },
  trialMsMax,
);

/**
 * Whether a patched state fits is seen when it is patched; and the commands of the example take further members, in which
 * numbers may have more digits than can be stored.
 */
const mergePatches = `
[[operations]]
include-path-regex = "^/claim/"
checks.positive_data_acceptance.enabled = false
[[operations]]
include-method = "PATCH"
checks.positive_data_acceptance.enabled = false
`;

test(
  'the query service answers as it is described',
  async () => {
    const printed = await trySchema({ url: query.http, settings: settings(combinations), seed });
    expect(printed).toMatch(/Tested: 4/);
  },
  trialMsMax,
);

/** Parameters by themselves do not say which of them go together. */
const combinations = `
[[operations]]
include-path = "/orders"
checks.positive_data_acceptance.enabled = false
[[operations]]
include-path = "/customers"
checks.positive_data_acceptance.enabled = false
[[operations]]
include-path = "/orders/{key}"
parameters."path.key" = "a"
`;
