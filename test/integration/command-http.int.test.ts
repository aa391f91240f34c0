import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import assert from 'node:assert/strict';
import {
  readTokens,
  signToken,
  tokenKeys,
  type TokenKeys,
} from '@cqrs/contract/consistency-token.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { startService, type TestService } from '../support/process.ts';

const config = {
  service: { namespace: 'shop', name: 'orders' },
  aggregates: [{ name: 'order', schema: { type: 'object' } }],
};
const tokenKeyText = randomBytes(32).toString('base64');
const previousKeyText = randomBytes(32).toString('base64');

let postgres: TestPostgres;
let command: TestService;

beforeAll(async () => {
  postgres = await startPostgres();
  const env = {
    ...postgres.env('command'),
    CQRS_TOKEN_KEY: tokenKeyText,
    CQRS_TOKEN_KEY_PREVIOUS: previousKeyText,
  };
  command = await startService({ program: 'command', config, env });
  await command.ready();
});
afterAll(async () => {
  await command?.stop();
  await postgres?.stop();
});

async function send(
  method: string,
  path: string,
  body?: string | Uint8Array,
  headers: Record<string, string> = {},
) {
  const answer = await fetch(command.http + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

const open: Socket[] = [];
afterAll(() => open.forEach((socket) => socket.destroy()));

/** A bare connection with everything that came back on it. */
async function dial(): Promise<{ readonly socket: Socket; readonly said: () => string }> {
  const socket = connect(Number(new URL(command.http).port), '127.0.0.1');
  open.push(socket);
  let said = '';
  socket.setEncoding('utf8').on('data', (text: string) => (said += text));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return { socket, said: () => said };
}

/** Sends bytes on a connection of their own and gives all that comes back until it is closed. */
async function exchange(bytes: string): Promise<string> {
  const { socket, said } = await dial();
  const closed = once(socket, 'close');
  socket.write(bytes);
  await closed;
  return said();
}

const head = (
  method: string,
  path: string,
  headers: Record<string, string | number> = {},
): string =>
  [
    `${method} ${path} HTTP/1.1`,
    'Host: orders',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '\r\n',
  ].join('\r\n');
const put = (id: string, body: string): string =>
  head('PUT', `/order/${id}`, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  }) + body;
const putInOneChunk = (id: string, body: string): string => {
  const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' };
  const bytes = Buffer.byteLength(body).toString(16);
  return `${head('PUT', `/order/${id}`, headers)}${bytes}\r\n${body}\r\n0\r\n\r\n`;
};
const statusesIn = (text: string): readonly number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));

describe('what is no request', () => {
  it.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.9\r\n\r\n', 400, 'malformed-request'],
    ['a method that nobody has', head('FROB', '/order'), 400, 'malformed-request'],
    ['a header without a name', 'GET /order/1 HTTP/1.1\r\n: x\r\n\r\n', 400, 'malformed-request'],
    [
      'headers too large',
      head('GET', '/order/1', { x: 'x'.repeat(20_000) }),
      431,
      'headers-too-large',
    ],
    [
      'two lengths',
      head('PUT', '/order/1', { 'Content-Length': '1, 2' }),
      400,
      'malformed-request',
    ],
    [
      'a path with a broken escape',
      head('GET', '/order/%zz', { Connection: 'close' }),
      400,
      'malformed-request',
    ],
  ])('%s is answered with a problem', async (_, bytes, status, code) => {
    const answer = await exchange(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(answer).toContain(`urn:cqrs:problem:${code}`);
  });

  it('neither are headers that never end', async () => {
    const answer = await exchange('GET /order/1 HTTP/1.1\r\nHost: x\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('urn:cqrs:problem:request-timeout');
  }, 30_000);

  it('a request without a Host, or with an expectation, is read all the same', async () => {
    const bare = await exchange('GET /order/none HTTP/1.1\r\nConnection: close\r\n\r\n');
    expect(bare).toContain('urn:cqrs:problem:not-found');
    const headers = { Expect: 'miracles', Connection: 'close' };
    expect(await exchange(head('GET', '/order/none', headers))).toContain('problem:not-found');
  });
});

describe('bodies', () => {
  it('must not be compressed', async () => {
    for (const coding of ['gzip', 'br', 'x-unknown']) {
      const answer = await send('PUT', '/order/coded', '{}', { 'content-encoding': coding });
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
        415,
        {
          type: 'urn:cqrs:problem:unsupported-media-type',
          detail: expect.stringContaining(coding),
        },
      ]);
    }
    const identity = await send('PUT', '/order/coded', '{}', { 'content-encoding': 'identity' });
    expect(identity.status).toBe(201);
  });

  it('may come in chunks, as long as they are not too large', async () => {
    const [small, large] = await Promise.all([dial(), dial()]);
    small.socket.write(putInOneChunk('chunked', '{}'));
    large.socket.write(putInOneChunk('chunked', `"${'x'.repeat(1_048_576)}"`));
    await eventually('both answers', 10_000, () => small.said() !== '' && large.said() !== '');
    expect([small, large].map(({ said }) => statusesIn(said()))).toEqual([[201], [413]]);
  });

  it.each([
    ['say how much comes', put],
    ['do not say how much comes', putInOneChunk],
  ])(
    'of 300 clients that %s and stop half-way take little memory, and nothing from others',
    async (_, toRequest) => {
      const body = `{"x":"${'x'.repeat(1_000_000)}"}`;
      const stalled = await Promise.all(
        Array.from({ length: 300 }, async (__, n) => {
          const client = await dial();
          client.socket.write(toRequest(`stalled${n}`, body).slice(0, 600_000));
          return client;
        }),
      );
      await eventually('most to be refused', 20_000, () => {
        return stalled.filter(({ said }) => statusesIn(said())[0] === 503).length >= 290;
      });
      expect(await peakMb(command.pid)).toBeLessThan(320);
      const small = await Promise.all(
        Array.from({ length: 100 }, async (__, n) => send('PUT', `/order/small${n}`, '{"n":1}')),
      );
      expect(small.filter(({ status }) => status !== 201 && status !== 200)).toEqual([]);
      await eventually('those in hand to time out', 30_000, () => {
        return stalled.every(({ socket }) => socket.closed);
      });
      const answers = new Set(stalled.flatMap(({ said }) => statusesIn(said())));
      expect(answers).toEqual(new Set([503, 408]));
      expect(stalled.every(({ said }) => said().includes('application/problem+json'))).toBe(true);
      const large = await Promise.all(
        Array.from({ length: 8 }, async (__, n) => send('PUT', `/order/large${n}`, body)),
      );
      expect(large.filter(({ status }) => status !== 201 && status !== 200)).toEqual([]);
      const metrics = await (await fetch(`${command.ops}/metrics`)).text();
      expect(metrics).toMatch(/^cqrs_command_body_bytes 0$/m);
      expect(command.output()).not.toContain('A request failed');
    },
    120_000,
  );
});

/** The most memory that the process ever had. */
async function peakMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

describe('pipelined requests', () => {
  it('are answered in order, and a read sees the write before it', async () => {
    const { socket, said } = await dial();
    const count = 25;
    const pairs = Array.from({ length: count }, (_, n) => {
      return put('piped', JSON.stringify({ n })) + head('GET', '/order/piped');
    });
    socket.write(pairs.join(''));
    await eventually('all answers', 20_000, () => statusesIn(said()).length === 2 * count);
    const numbers = [...said().matchAll(/\{"n": ?(\d+), "id"|"n": (\d+)/g)].map(([, a, b]) =>
      Number(a ?? b),
    );
    expect(numbers).toEqual(Array.from({ length: count }, (_, n) => n));
    socket.destroy();
  });

  it('are bounded: who sends on without end is cut off', async () => {
    const { socket } = await dial();
    // A reset is a cut as well: it depends on how much of the flood was read by then.
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(put('flood', '{}').repeat(500));
    await closed;
    expect((await send('PUT', '/order/after-the-flood', '{}')).status).toBe(201);
  });
});

describe('numbers', () => {
  it('come back as they were meant, and can be sent back', async () => {
    const text = '{"a":1e20,"b":9007199254740991,"c":1E+23,"d":0.1,"e":-2.50e2}';
    expect((await send('PUT', '/order/numbers', text)).status).toBe(201);
    const read = await send('GET', '/order/numbers');
    expect(JSON.parse(read.text)).toEqual({ ...(JSON.parse(text) as object), id: 'numbers' });
    expect((await send('PUT', '/order/numbers', read.text)).status).toBe(200);
    expect((await send('GET', '/order/numbers')).text).toBe(read.text);
  });

  it('that would be rounded are refused by name', async () => {
    const answer = await send('PUT', '/order/rounded', '{"a":{"b":90071992547409930e-1}}');
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
      400,
      { errors: [{ pointer: '/a/b', detail: expect.stringContaining('as a string') }] },
    ]);
  });
});

const entry = (id: string, version: number) => ({ topic: 'shop.orders.order', id, version });

function keysOf(text: string): TokenKeys {
  const keys = tokenKeys({ CQRS_TOKEN_KEY: text });
  assert(keys !== null);
  return keys;
}

describe('consistency tokens', () => {
  const current = keysOf(tokenKeyText);
  const entriesOf = (headers: Headers) => {
    const token = headers.get('consistency-token');
    const read = token === null ? undefined : readTokens(current, token);
    return read?.ok === true ? read.entries : undefined;
  };

  it('cover what was written, what was read, and what the request brought', async () => {
    const first = await send('PUT', '/order/t1', '{}');
    expect(entriesOf(first.headers)).toEqual([entry('t1', 1)]);
    const brought = { 'consistency-token': first.headers.get('consistency-token') ?? '' };
    const second = await send('PUT', '/order/t2', '{}', brought);
    expect(entriesOf(second.headers)).toEqual([entry('t1', 1), entry('t2', 1)]);
    expect(entriesOf((await send('PATCH', '/order/t1', '{}', brought)).headers)).toEqual([
      entry('t1', 2),
    ]);
    expect(entriesOf((await send('GET', '/order/t2')).headers)).toEqual([entry('t2', 1)]);
    const deleted = await send('DELETE', '/order/t2');
    expect(entriesOf(deleted.headers)).toEqual([entry('t2', 2)]);
    const created = await send('POST', '/order', '{}', { 'idempotency-key': 'token' });
    const { id } = JSON.parse(created.text) as { readonly id: string };
    expect(entriesOf(created.headers)).toEqual([entry(id, 1)]);
    const again = await send('POST', '/order', '{}', { 'idempotency-key': 'token' });
    expect(entriesOf(again.headers)).toEqual([entry(id, 1)]);
  });

  it('of the key before are read, and answered with the key of now', async () => {
    const earlier = signToken(keysOf(previousKeyText), [entry('t0', 7)]);
    const { status, headers } = await send('PUT', '/order/t4', '{}', {
      'consistency-token': earlier,
    });
    expect([status, headers.get('consistency-status')]).toEqual([201, null]);
    expect(entriesOf(headers)).toEqual([entry('t0', 7), entry('t4', 1)]);
  });

  it('of a key that nobody knows refuse no command: it is done, and says that its own is incomplete', async () => {
    const unknown = signToken(keysOf(randomBytes(32).toString('base64')), [entry('t0', 7)]);
    const known = signToken(current, [entry('t1', 2)]);
    const { status, headers } = await send('PUT', '/order/t5', '{}', {
      'consistency-token': `${known}, ${unknown}`,
    });
    expect([status, headers.get('consistency-status')]).toEqual([201, 'incomplete']);
    expect(entriesOf(headers)).toEqual([entry('t1', 2), entry('t5', 1)]);
    const read = await send('GET', '/order/t5', undefined, { 'consistency-token': unknown });
    expect([read.status, read.headers.get('consistency-status')]).toEqual([200, 'incomplete']);
  });

  it('that cannot be read are refused before anything is done', async () => {
    const answer = await send('PUT', '/order/t3', '{}', { 'consistency-token': 'made-up' });
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
      400,
      { type: 'urn:cqrs:problem:malformed-token' },
    ]);
    expect((await send('GET', '/order/t3')).status).toBe(404);
  });
});
