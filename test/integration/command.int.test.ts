import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startService, type TestService } from '../support/process.ts';

const schema = {
  type: 'object',
  required: ['customerId', 'total'],
  additionalProperties: false,
  properties: {
    customerId: { type: 'string', minLength: 1 },
    total: { type: 'number', minimum: 0 },
    note: { type: 'string' },
    lines: { type: 'array', items: { type: 'object', required: ['sku'] } },
  },
};
const config = {
  service: { namespace: 'shop', name: 'orders' },
  aggregates: [
    { name: 'order', schema },
    { name: 'note', schema: {} },
  ],
};
const order = { customerId: 'c1', total: 5 };
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

let postgres: TestPostgres;
let command: TestService;

beforeAll(async () => {
  postgres = await startPostgres();
  command = await startService({ program: 'command', config, env: postgres.env('command') });
  await command.ready();
});
afterAll(async () => {
  await command?.stop();
  await postgres?.stop();
});

type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
};

async function send(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const raw = typeof body === 'string' || body instanceof Uint8Array;
  const answer = await fetch(command.http + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const json = answer.headers.get('content-type')?.includes('json') === true;
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: json ? (JSON.parse(text) as Record<string, unknown>) : {},
  };
}

async function eventsOf(id: string) {
  return postgres.sql`
    select type, version::int, payload, traceparent from cqrs.event
    where aggregateid = ${id} order by version`;
}

function ifMatch(etag: string) {
  return { 'if-match': etag };
}

describe('a life of an aggregate', () => {
  it('is created, read, patched, replaced, deleted and created again, one version each', async () => {
    const created = await send('POST', '/order', order, { traceparent });
    const id = String(created.body['id']);
    expect(created).toMatchObject({ status: 201, body: { id, version: 1 } });
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(created.headers.get('location')).toBe(`/order/${id}`);
    expect(created.headers.get('etag')).toBe('"1"');

    const read = await send('GET', `/order/${id}`);
    expect(read).toMatchObject({ status: 200, body: { ...order, id } });
    expect(read.headers.get('etag')).toBe('"1"');
    expect((await send('GET', `/order/${id}`, undefined, { 'if-none-match': '"1"' })).status).toBe(
      304,
    );
    expect(await send('PATCH', `/order/${id}`, { note: 'soon', total: 7 })).toMatchObject({
      status: 200,
      body: { id, version: 2 },
    });
    const merge = { 'content-type': 'application/merge-patch+json' };
    expect((await send('PATCH', `/order/${id}`, { note: null }, merge)).status).toBe(200);
    expect((await send('GET', `/order/${id}`)).body).toEqual({ ...order, total: 7, id });
    expect(await send('PUT', `/order/${id}`, { ...order, id, total: 9 })).toMatchObject({
      status: 200,
      body: { id, version: 4 },
    });
    const deleted = await send('DELETE', `/order/${id}`);
    expect([deleted.status, deleted.text, deleted.headers.get('etag')]).toEqual([204, '', '"5"']);
    expect((await send('GET', `/order/${id}`)).status).toBe(404);
    expect((await send('DELETE', `/order/${id}`)).body).toMatchObject({
      type: 'urn:cqrs:problem:not-found',
      detail: expect.stringContaining('was deleted'),
    });
    expect(await send('PUT', `/order/${id}`, order)).toMatchObject({
      status: 201,
      body: { id, version: 6 },
    });

    const state = { ...order, id };
    const none = null;
    expect([...(await eventsOf(id))]).toEqual([
      { type: 'order.created', version: 1, payload: { state, data: order }, traceparent },
      {
        type: 'order.updated',
        version: 2,
        payload: { state: { ...state, note: 'soon', total: 7 }, data: { note: 'soon', total: 7 } },
        traceparent: none,
      },
      {
        type: 'order.updated',
        version: 3,
        payload: { state: { ...state, total: 7 }, data: { note: null } },
        traceparent: none,
      },
      {
        type: 'order.updated',
        version: 4,
        payload: { state: { ...state, total: 9 }, data: { ...order, id, total: 9 } },
        traceparent: none,
      },
      {
        type: 'order.deleted',
        version: 5,
        payload: { state: null, data: null },
        traceparent: none,
      },
      { type: 'order.created', version: 6, payload: { state, data: order }, traceparent: none },
    ]);
  });

  it('keeps every version under concurrent patches of one aggregate', async () => {
    await send('PUT', '/note/busy', { count: 0 });
    const fields = Array.from({ length: 100 }, (_, index) => `f${index}`);
    const answers = await Promise.all(
      fields.map(async (field) => send('PATCH', '/note/busy', { [field]: true })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const versions = answers.map(({ body }) => Number(body['version']));
    expect(versions.toSorted((a, b) => a - b)).toEqual(fields.map((_, index) => index + 2));
    const { body } = await send('GET', '/note/busy');
    expect(Object.keys(body).toSorted()).toEqual(['count', 'id', ...fields].toSorted());
    expect((await eventsOf('busy')).map(({ version }) => Number(version))).toEqual(
      Array.from({ length: 101 }, (_, index) => index + 1),
    );
  });

  it('lets one of many PUTs create', async () => {
    const puts = Array.from({ length: 20 }, async (_, n) => send('PUT', '/note/race', { n }));
    const statuses = (await Promise.all(puts)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 200)).toHaveLength(19);
  });

  it('holds what If-Match and If-None-Match ask', async () => {
    await send('PUT', '/note/guarded', { n: 1 });
    const write = async (headers: Record<string, string>, id = 'guarded') =>
      (await send('PUT', `/note/${id}`, { n: 2 }, headers)).status;
    expect(await write(ifMatch('"7"'))).toBe(412);
    expect(await write(ifMatch('W/"1"'))).toBe(412);
    expect(await write(ifMatch('"1"'), 'absent')).toBe(412);
    expect(await write(ifMatch('*'), 'absent')).toBe(412);
    expect(await write({ 'if-none-match': '*' })).toBe(412);
    expect(await write({ 'if-none-match': '*' }, 'fresh')).toBe(201);
    expect(await write(ifMatch('"5", "1"'))).toBe(200);
    expect((await send('PATCH', '/note/guarded', { n: 3 }, ifMatch('"1"'))).status).toBe(412);
    expect((await send('DELETE', '/note/guarded', undefined, ifMatch('"1"'))).status).toBe(412);
    expect((await send('DELETE', '/note/guarded', undefined, ifMatch('"2"'))).status).toBe(204);

    await send('PUT', '/note/once', { n: 0 });
    const racing = Array.from({ length: 10 }, async () =>
      send('PATCH', '/note/once', { n: 1 }, ifMatch('"1"')),
    );
    const statuses = (await Promise.all(racing)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(9);
  });
});

describe('what is refused', () => {
  const big = 'x'.repeat(1_048_577);

  type Refused = {
    readonly what: string;
    readonly request: readonly [method: string, path: string, body?: unknown];
    readonly headers?: Record<string, string>;
    readonly status: number;
    readonly code: string;
    readonly detail: RegExp;
  };
  const mergePatch = { 'content-type': 'application/merge-patch+json' };
  const latin1 = new Uint8Array([123, 34, 255, 34, 58, 49, 125]);
  const malformed = { status: 400, code: 'malformed-body' };
  const unreadable = { status: 400, code: 'malformed-request' };
  const unknown = { status: 404, code: 'unknown-aggregate' };
  const notOffered = { status: 405, code: 'method-not-allowed' };
  const mediaType = { status: 415, code: 'unsupported-media-type' };

  it.each<Refused>([
    {
      what: 'an unknown aggregate',
      request: ['POST', '/ordr', order],
      ...unknown,
      detail: /\/order, \/note/,
    },
    {
      what: 'one under any media type',
      request: ['POST', '/x', 'a'],
      headers: { 'content-type': 'a/b' },
      ...unknown,
      detail: /\/x/,
    },
    { what: 'the root', request: ['GET', '/'], ...unknown, detail: /\/order/ },
    { what: 'a list', request: ['GET', '/order'], ...notOffered, detail: /query side/ },
    { what: 'POST to an id', request: ['POST', '/order/1', order], ...notOffered, detail: /PUT/ },
    {
      what: 'a path too long',
      request: ['GET', '/order/1/2'],
      status: 404,
      code: 'not-found',
      detail: /order/,
    },
    {
      what: 'an absent aggregate',
      request: ['PATCH', '/order/none', {}],
      status: 404,
      code: 'not-found',
      detail: /no order/,
    },
    {
      what: 'broken JSON',
      request: ['POST', '/order', '{"total":'],
      ...malformed,
      detail: /not JSON: .+/,
    },
    { what: 'no body', request: ['POST', '/order', ''], ...malformed, detail: /empty/ },
    { what: 'an array', request: ['POST', '/order', []], ...malformed, detail: /JSON object/ },
    { what: 'not UTF-8', request: ['POST', '/order', latin1], ...malformed, detail: /UTF-8/ },
    {
      what: 'a NUL',
      request: ['POST', '/order', '{"note":"\\u0000"}'],
      ...malformed,
      detail: /stored/,
    },
    {
      what: 'text',
      request: ['POST', '/order', 'x'],
      headers: { 'content-type': 'text/plain' },
      ...mediaType,
      detail: /application\/json/,
    },
    {
      what: 'a merge patch as a PUT',
      request: ['PUT', '/order/1', order],
      headers: mergePatch,
      ...mediaType,
      detail: /application\/json and/,
    },
    {
      what: 'a body too large',
      request: ['POST', '/order', { ...order, note: big }],
      status: 413,
      code: 'body-too-large',
      detail: /1048576/,
    },
    {
      what: 'an id too long',
      request: ['PUT', `/order/${'x'.repeat(129)}`, order],
      ...unreadable,
      detail: /128/,
    },
    {
      what: 'an id of other characters',
      request: ['PUT', '/order/a%20b', order],
      ...unreadable,
      detail: /A-Z/,
    },
    {
      what: 'a path that is no path',
      request: ['GET', '/order/%zz'],
      ...unreadable,
      detail: /%zz/,
    },
    {
      what: 'an If-Match without quotes',
      request: ['PUT', '/order/1', order],
      headers: ifMatch('3'),
      ...unreadable,
      detail: /such as "3"/,
    },
  ])('$what', async ({ request: [method, path, body], headers, status, code, detail }) => {
    const answer = await send(method, path, body, headers);
    expect(answer).toMatchObject({
      status,
      body: { type: `urn:cqrs:problem:${code}`, status, detail: expect.stringMatching(detail) },
    });
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  it.each<[string, unknown, string, RegExp]>([
    ['a missing field', { total: 1 }, '/customerId', /missing/],
    ['a wrong type', { ...order, total: '5' }, '/total', /number/],
    ['a wrong value', { ...order, total: -5 }, '/total', />= 0/],
    ['a field of nobody', { ...order, color: 'red' }, '/color', /allows customerId, total/],
    ['a field inside a list', { ...order, lines: [{ sku: 'a' }, {}] }, '/lines/1/sku', /missing/],
    ['an id of its own', { ...order, id: 'mine' }, '/id', /PUT/],
    ['a number beyond a double', '{"customerId":"c","total":1e400}', '/total', /too large/],
  ])('%s, by name', async (_, body, pointer, detail) => {
    const answer = await send('POST', '/order', body);
    expect(answer).toMatchObject({
      status: 400,
      body: { errors: [{ pointer, detail: expect.stringMatching(detail) }] },
    });
  });

  it('another id in the body than in the path', async () => {
    const put = await send('PUT', '/order/mine', { ...order, id: 'yours' });
    expect(put).toMatchObject({ status: 400, body: { errors: [{ pointer: '/id' }] } });
    await send('PUT', '/order/mine', order);
    const patch = await send('PATCH', '/order/mine', { id: null });
    expect(patch).toMatchObject({ status: 400, body: { errors: [{ pointer: '/id' }] } });
  });

  it('a patch whose result breaks the schema, and leaves everything as it was', async () => {
    await send('PUT', '/order/kept', order);
    const refused = await send('PATCH', '/order/kept', { customerId: null });
    expect(refused).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/customerId', detail: 'is missing' }] },
    });
    expect((await send('GET', '/order/kept')).body).toEqual({ ...order, id: 'kept' });
    expect(await eventsOf('kept')).toHaveLength(1);
  });

  it('a state that grew too large by patches, and an event that only Postgres sees is too large', async () => {
    const half = 'x'.repeat(600_000);
    await send('PUT', '/note/growing', { a: half });
    expect((await send('PATCH', '/note/growing', { b: half })).status).toBe(413);
    const digits = { n: Array.from({ length: 20_000 }, () => 1e300) };
    expect(await send('PUT', '/note/digits', digits)).toMatchObject({
      status: 413,
      body: { detail: expect.stringContaining('Kafka record') },
    });
    expect((await send('GET', '/note/digits')).status).toBe(404);
  });

  it('and names what is offered where the method is not', async () => {
    expect((await send('GET', '/order')).headers.get('allow')).toBe('POST');
    expect((await send('POST', '/order/1', order)).headers.get('allow')).toContain('PATCH');
  });
});

it('drops a traceparent that is not well-formed', async () => {
  await send('PUT', '/note/traced', {}, { traceparent: 'nonsense' });
  expect(await eventsOf('traced')).toMatchObject([{ traceparent: null }]);
});

it('counts outcomes and durations', async () => {
  const text = await (await fetch(`${command.ops}/metrics`)).text();
  expect(text).toMatch(/cqrs_command_outcomes_total\{aggregate="order",outcome="created"\} [1-9]/);
  expect(text).toMatch(/cqrs_command_request_duration_seconds_count\{[^}]*method="PATCH"/);
});
