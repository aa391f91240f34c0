import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { startService, temporaryFolder, type TestService } from '../support/process.ts';

const example = fileURLToPath(
  new URL('../../services/examples/order-behavior/order.ts', import.meta.url),
);

/** The example alone in a folder, behind the links that the kubelet makes for a ConfigMap. */
async function mountExample(folder: string): Promise<string> {
  await mkdir(join(folder, '..2026_03_01'), { recursive: true });
  await copyFile(example, join(folder, '..2026_03_01', 'order.ts'));
  await symlink('..2026_03_01', join(folder, '..data'));
  await symlink('..data/order.ts', join(folder, 'order.ts'));
  return join(folder, 'order.ts');
}

const orderSchema = {
  type: 'object',
  required: ['customerId', 'lines', 'totalCents', 'status', 'placedAt'],
  additionalProperties: false,
  properties: {
    customerId: { type: 'string' },
    lines: { type: 'array' },
    totalCents: { type: 'integer' },
    placedAt: { type: 'string', format: 'date-time' },
    status: { enum: ['placed', 'shipped', 'canceled'] },
    carrier: { type: 'string' },
    cancelReason: { type: 'string' },
  },
};

/** Without `commands`, and wrong in every way that a module can be. */
const wild = `
type State = { count: number };
export const decide = ({ name }: { name: string }, state: State | null): unknown => {
  switch (name) {
    case 'count': return [{ type: 'counted', data: {} }];
    case 'count-thrice': return ['a', 'b', 'c'].map((type) => ({ type, data: {} }));
    case 'end': return [{ type: 'counted', data: {} }, { type: 'ended', data: {} }];
    case 'loop': for (;;);
    case 'slowly': { const startMs = performance.now(); while (performance.now() - startMs < 100); return [{ type: 'counted', data: {} }]; }
    case 'throw': throw new Error('secret of the author');
    case 'hog': { const held: object[] = []; for (;;) held.push(new Array(1_000_000).fill(held.length)); }
    case 'exit': process.exit(0);
    case 'promise': return Promise.reject(new Error('late'));
    case 'misfit': return [{ type: 'counted', data: {} }, { type: 'misfitted', data: {} }];
    case 'unstorable': return [{ type: 'counted', data: { text: '\\u0000' } }];
    case 'unnamed': return [{ type: 'Not A Name', data: {} }];
    case 'environment': return { refused: JSON.stringify(process.env) };
    case 'print': console.log('printed by the author'); return [];
    default: return undefined;
  }
};
export const evolve = (state: State | null, event: { type: string }): unknown => {
  if (event.type === 'ended') return null;
  if (event.type === 'misfitted') return { count: 'many' };
  return { count: (state?.count ?? 0) + 1 };
};
`;

const emptyModule = 'export const decide = () => [];\nexport const evolve = () => null;';
const wildSchema = {
  type: 'object',
  required: ['count'],
  properties: { count: { type: 'integer' } },
};

const unfit = {
  'not-erasable': `enum Color { Red }\n${emptyModule}`,
  'no-evolve': 'export const decide = () => [];',
  'wrong-schema': `${emptyModule}\nexport const commands = { go: { type: "objekt" } };`,
  throwing: `${emptyModule}\nthrow new Error('at import');`,
  absent: undefined,
};

let postgres: TestPostgres;
let command: TestService;
/** Another replica over the same tables. */
let other: TestService;
let folder: string;
let config: { readonly service: object; readonly aggregates: readonly object[] };

const withModule = (name: string, schema: object, module = join(folder, `${name}.ts`)) => ({
  name,
  schema,
  behavior: { module },
});

beforeAll(async () => {
  postgres = await startPostgres();
  folder = await temporaryFolder('behavior');
  await writeFile(join(folder, 'wild.ts'), wild);
  for (const [name, text] of Object.entries(unfit)) {
    if (text !== undefined) await writeFile(join(folder, `${name}.ts`), text);
  }
  config = {
    service: { namespace: 'shop', name: 'orders' },
    aggregates: [
      withModule('order', orderSchema, await mountExample(join(folder, 'order'))),
      withModule('wild', wildSchema),
      { name: 'note', schema: { type: 'object' } },
    ],
  };
  const start = async () =>
    startService({ program: 'command', config, env: postgres.env('command') });
  [command, other] = await Promise.all([start(), start()]);
  await Promise.all([command.ready(), other.ready()]);
});
afterAll(async () => {
  await Promise.all([command?.stop(), other?.stop()]);
  await postgres?.stop();
});

type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
};

async function send(
  method: string,
  path: string,
  body?: object,
  { headers = {}, to = command }: { headers?: Record<string, string>; to?: TestService } = {},
): Promise<Answer> {
  const answer = await fetch(to.http + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.includes('json') === true;
  const parsed = isJson ? (JSON.parse(text) as Record<string, unknown>) : {};
  return { status: answer.status, headers: answer.headers, body: parsed };
}

const post = async (path: string, body?: object, more?: Parameters<typeof send>[3]) =>
  send('POST', path, body, more);

async function eventsOf(id: string) {
  return postgres.sql<
    { type: string; version: number; payload: { state: object | null; data: object } }[]
  >`
    select type, version::int, payload from cqrs.event where aggregateid = ${id} order by version`;
}

const problemType = (code: string) => `urn:cqrs:problem:${code}`;
const line = { sku: 'lamp', quantity: 1, priceCents: 1_000 };
const placing = { customerId: 'c1', lines: [line] };

describe('the order of the example', () => {
  it('is placed, shipped and then refuses to be canceled, with its reason', async () => {
    const placed = await post('/order/o1/place', placing);
    expect(placed).toMatchObject({ status: 201, body: { id: 'o1', version: 1 } });
    expect(placed.headers.get('etag')).toBe('"1"');
    expect(await post('/order/o1/ship', { carrier: 'post' })).toMatchObject({
      status: 200,
      body: { id: 'o1', version: 2 },
    });
    expect(await post('/order/o1/cancel', { reason: 'late' })).toMatchObject({
      status: 422,
      body: {
        type: problemType('command-refused'),
        detail: 'The order is on its way; return it.',
      },
    });
    const read = await send('GET', '/order/o1');
    expect(read.body).toMatchObject({ id: 'o1', status: 'shipped', totalCents: 1_000 });
    const [first, second, ...more] = await eventsOf('o1');
    expect(more).toEqual([]);
    expect(first).toMatchObject({
      type: 'order.placed',
      version: 1,
      payload: { data: { ...placing, totalCents: 1_000 }, state: { id: 'o1', status: 'placed' } },
    });
    expect(second).toMatchObject({
      type: 'order.shipped',
      version: 2,
      payload: { data: { carrier: 'post' }, state: read.body },
    });
  });

  it('gives a large one two events, gapless and each with the state after it', async () => {
    const body = { ...placing, lines: [{ ...line, quantity: 100 }] };
    const placed = await post('/order/-/place', body);
    const id = String(placed.body['id']);
    expect(placed).toMatchObject({ status: 201, body: { version: 2 } });
    expect(placed.headers.get('location')).toBe(`/order/${id}`);
    expect(placed.headers.get('etag')).toBe('"2"');
    const events = await eventsOf(id);
    expect(events.map(({ type, version }) => [type, version])).toEqual([
      ['order.placed', 1],
      ['order.discount-granted', 2],
    ]);
    expect(events.map(({ payload }) => payload.state)).toMatchObject([
      { id, totalCents: 100_000 },
      { id, totalCents: 95_000 },
    ]);
    expect((await send('GET', `/order/${id}`)).body).toEqual(events[1]?.payload.state);
  });

  it('changes nothing when there is nothing to change', async () => {
    await post('/order/o2/place', placing);
    await post('/order/o2/cancel', { reason: 'late' });
    expect(await post('/order/o2/cancel', { reason: 'later' })).toMatchObject({
      status: 200,
      body: { id: 'o2', version: 2 },
    });
    expect(await eventsOf('o2')).toHaveLength(2);
  });

  it('holds preconditions, and takes a command once with an idempotency key', async () => {
    const once = { headers: { 'idempotency-key': 'placing-o3', 'if-none-match': '*' } };
    const first = await post('/order/o3/place', placing, once);
    expect(first.status).toBe(201);
    expect(await post('/order/o3/place', placing, once)).toMatchObject({
      status: 201,
      body: first.body,
    });
    const stale = await post(
      '/order/o3/ship',
      { carrier: 'post' },
      { headers: { 'if-match': '"7"' } },
    );
    expect(stale).toMatchObject({ status: 412, body: { type: problemType('version-mismatch') } });
    const held = { headers: { 'if-match': '"1"' } };
    expect((await post('/order/o3/ship', { carrier: 'post' }, held)).status).toBe(200);
    expect(await eventsOf('o3')).toHaveLength(2);
  });

  it('answers data that do not fit with pointers', async () => {
    const answer = await post('/order/o4/place', { lines: [{ ...line, quantity: 0 }] });
    expect(answer).toMatchObject({ status: 400, body: { type: problemType('malformed-body') } });
    expect(answer.body['errors']).toEqual([
      { pointer: '/customerId', detail: 'is missing' },
      { pointer: '/lines/0/quantity', detail: 'must be >= 1' },
    ]);
  });

  it.each([
    ['POST', '/order/o5/lose', 404, 'unknown-command', null],
    ['POST', '/order/o5/Ship', 404, 'unknown-command', null],
    ['POST', '/order', 405, 'method-not-allowed', ''],
    ['PUT', '/order/o5', 405, 'method-not-allowed', 'GET, HEAD'],
    ['PATCH', '/order/o5', 405, 'method-not-allowed', 'GET, HEAD'],
    ['DELETE', '/order/o5', 405, 'method-not-allowed', 'GET, HEAD'],
    ['GET', '/order/o5/ship', 405, 'method-not-allowed', 'POST'],
    ['POST', '/order/o5/ship/now', 404, 'not-found', null],
  ])('says at %s %s which commands there are', async (...[method, path, status, code, allow]) => {
    const answer = await send(method, path, method === 'GET' ? undefined : {});
    expect(answer).toMatchObject({ status, body: { type: problemType(code) } });
    expect(answer.body['detail']).toContain(
      'POST /order/<id>/<command>, where <command> is one of place, ship, cancel',
    );
    expect(answer.headers.get('allow')).toBe(allow);
  });
});

describe('two replicas', () => {
  it('decide one order at the same moment as if one after the other', async () => {
    const ids = Array.from({ length: 20 }, (_, n) => `raced${n}`);
    await Promise.all(ids.map(async (id) => post(`/order/${id}/place`, placing)));
    const answers = await Promise.all(
      ids.flatMap((id) => [
        post(`/order/${id}/ship`, { carrier: 'post' }),
        post(`/order/${id}/cancel`, { reason: 'late' }, { to: other }),
      ]),
    );
    const statuses = answers.map(({ status }) => status);
    for (let n = 0; n < ids.length; n += 1) {
      expect(new Set(statuses.slice(2 * n, 2 * n + 2))).toEqual(new Set([200, 422]));
    }
  });

  it('lose no event of many commands on one aggregate, and fold all of them', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_, n) =>
        post('/wild/counter/count-thrice', undefined, { to: n % 2 === 0 ? command : other }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 201]));
    const events = await eventsOf('counter');
    expect(events.map(({ version, payload }) => [version, payload.state])).toEqual(
      Array.from({ length: 180 }, (_, n) => [n + 1, { id: 'counter', count: n + 1 }]),
    );
    expect((await send('GET', '/wild/counter')).body).toEqual({ id: 'counter', count: 180 });
  });
});

describe('a module that misbehaves', () => {
  it('may delete what it made, and a deleted aggregate begins anew', async () => {
    expect(await post('/wild/brief/end')).toMatchObject({
      status: 200,
      body: { id: 'brief', version: 2 },
    });
    expect((await send('GET', '/wild/brief')).status).toBe(404);
    expect(await post('/wild/brief/count')).toMatchObject({ status: 201, body: { version: 3 } });
  });

  it('knows no such command when it gives undefined', async () => {
    expect((await post('/wild/w1/whatever')).body).toMatchObject({
      type: problemType('unknown-command'),
    });
  });

  it.each([
    ['throw', 'threw'],
    ['promise', 'gave a promise'],
    ['misfit', 'The state after the event misfitted does not fit the schema of wild.'],
    ['unstorable', 'The data of the event counted cannot be stored.'],
    ['unnamed', 'kebab-case'],
    ['loop', 'took more than 500 ms'],
    ['hog', 'took more than 64 MiB of memory'],
    ['exit', 'ended its thread'],
  ])('at %s is named in a 500, and nothing is written', async (name, said) => {
    const answer = await post(`/wild/${name}/${name}`);
    expect(answer).toMatchObject({ status: 500, body: { type: problemType('behavior-failed') } });
    expect(answer.body['detail']).toContain(`The behavior of wild failed on the command ${name}`);
    expect(answer.body['detail']).toContain(said);
    expect(answer.body['detail']).not.toContain('secret');
    expect(await eventsOf(name)).toEqual([]);
    expect((await post(`/wild/after-${name}/count`)).status).toBe(201);
  });

  it('shows what was thrown in the log only', () => {
    expect(command.output()).toContain('secret of the author');
  });

  it('sees no password in the environment, and what it prints is a line of the log', async () => {
    expect((await post('/wild/w2/environment')).body['detail']).toBe('{}');
    expect((await post('/wild/w2/print')).status).toBe(200);
    await eventually('what was printed', 5_000, () =>
      command
        .output()
        .split('\n')
        .some((text) => /^\{.*"text":"printed by the author/.test(text)),
    );
  });

  it('harms neither its neighbors nor other aggregates by looping and hogging', async () => {
    const bad = ['loop', 'hog', 'exit'].map(async (name, n) => post(`/wild/bad${n}/${name}`));
    const neighbors = Array.from({ length: 30 }, async (_, n) => post(`/wild/good${n}/count`));
    const others: Answer[] = [];
    const over = new AbortController();
    const answered = Promise.all(bad).finally(() => over.abort());
    while (!over.signal.aborted) {
      others.push(await send('PUT', `/note/n${others.length % 10}`, { n: 1 }));
    }
    expect((await answered).map(({ status }) => status)).toEqual([500, 500, 500]);
    expect((await Promise.all(neighbors)).map(({ status }) => status)).toEqual(
      Array.from({ length: 30 }, () => 201),
    );
    expect(others.length).toBeGreaterThan(50);
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([200, 201]));
  });

  it('keeps the places of its own aggregate only, when it is stuck again and again', async () => {
    let areStuck = true;
    const stuck = Promise.all(
      Array.from({ length: 400 }, async (_, n) => post(`/wild/stuck${n}/loop`)),
    ).finally(() => (areStuck = false));
    await eventually('the module to be stuck', 10_000, async () => {
      return (await post('/wild/late/count')).status === 503;
    });
    const others = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => send('PUT', `/note/beside${n}`, { n })),
    );
    expect((await send('GET', '/wild/counter')).status).toBe(200);
    expect(areStuck).toBe(true);
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set((await stuck).map(({ status }) => status))).toEqual(new Set([500, 503]));
    expect((await post('/wild/late/count')).status).toBe(201);
  });

  it('is asked for as many commands as it has time for', async () => {
    const slow = await Promise.all(
      Array.from({ length: 90 }, async (_, n) => post(`/wild/slow${n}/slowly`)),
    );
    const statuses = slow.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([201, 503]));
    expect(statuses.filter((status) => status === 201).length).toBeGreaterThan(5);
  });
});

describe('a module that cannot be used', () => {
  let service: TestService;

  beforeAll(async () => {
    const aggregates = Object.keys(unfit).map((name) => withModule(name, {}));
    service = await startService({
      program: 'command',
      config: { ...config, aggregates: [...aggregates, { name: 'note', schema: {} }] },
      env: postgres.env('command'),
    });
    await service.ready();
  });
  afterAll(async () => service?.stop());

  it.each([
    ['not-erasable', 'enum'],
    ['no-evolve', 'does not export `evolve`.'],
    ['wrong-schema', 'command go'],
    ['throwing', 'cannot be loaded: at import'],
    ['absent', 'Cannot find module'],
  ])('because it is %s is named with its reason in a 503', async (name, said) => {
    const answer = await post(`/${name}/t1/go`, {}, { to: service });
    expect(answer).toMatchObject({
      status: 503,
      body: { type: problemType('behavior-unavailable') },
    });
    expect(answer.headers.get('retry-after')).toBe('5');
    const { detail } = answer.body;
    expect(detail).toContain(`The behavior of ${name} cannot be used: the module ${folder}`);
    expect(detail).toContain(said);
  });

  it('is named in the status, while other aggregates are served', async () => {
    const { error } = await service.status<{ error: string }>();
    expect(error).toContain('The behavior of not-erasable cannot be used');
    expect((await send('PUT', '/note/beside', {}, { to: service })).status).toBe(201);
    expect((await send('GET', '/absent/t1', undefined, { to: service })).status).toBe(404);
  });

  it('is used as soon as it can be', async () => {
    await writeFile(join(folder, 'absent.ts'), wild);
    await eventually('the module to be loaded', 20_000, async () => {
      return (await post('/absent/t1/print', undefined, { to: service })).status === 200;
    });
    expect(await post('/absent/t1/count', undefined, { to: service })).toMatchObject({
      status: 201,
      body: { version: 1 },
    });
  });
});
