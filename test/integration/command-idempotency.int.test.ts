import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { startService, type TestService } from '../support/process.ts';

const config = {
  service: { namespace: 'shop', name: 'orders' },
  aggregates: [
    { name: 'order', schema: { type: 'object', properties: { n: { type: 'number' } } } },
    { name: 'note', schema: {} },
  ],
};

let postgres: TestPostgres;
let command: TestService;
/** Another replica over the same tables. */
let other: TestService;

const start = async (): Promise<TestService> =>
  startService({ program: 'command', config, env: postgres.env('command') });

beforeAll(async () => {
  postgres = await startPostgres();
  [command, other] = await Promise.all([start(), start()]);
  await Promise.all([command.ready(), other.ready()]);
});
afterAll(async () => {
  await Promise.all([command?.stop(), other?.stop()]);
  await postgres?.stop();
});

type Request = {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly key?: string;
  readonly headers?: Record<string, string>;
  readonly to?: TestService;
};

async function send({ method, path, body, key, headers, to = command }: Request) {
  const answer = await fetch(to.http + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    text,
    etag: answer.headers.get('etag'),
    location: answer.headers.get('location'),
    retryAfter: answer.headers.get('retry-after'),
  };
}

const codeOf = ({ text }: { readonly text: string }): unknown =>
  (JSON.parse(text) as { readonly type?: string }).type?.split(':').at(-1);

async function eventCount(id: string): Promise<number> {
  return (await postgres.sql`select from cqrs.event where aggregateid = ${id}`).length;
}

const times = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, async (_, n) => work(n)));

describe('a command with an Idempotency-Key that is sent again', () => {
  it('gives its first answer, byte for byte, whatever became of the aggregate since', async () => {
    const requests: readonly Request[] = [
      { method: 'POST', path: '/order', body: { n: 1 }, key: randomUUID() },
      { method: 'PUT', path: '/order/again', body: { n: 1 }, key: randomUUID() },
      {
        method: 'PATCH',
        path: '/order/again',
        body: { n: 2 },
        key: randomUUID(),
        headers: { 'if-match': '"1"' },
      },
      { method: 'PUT', path: '/order/again', body: { n: 3 }, key: randomUUID() },
      { method: 'DELETE', path: '/order/again', key: randomUUID() },
    ];
    const first = [];
    for (const request of requests) first.push(await send(request));
    expect(first.map(({ status, etag }) => [status, etag])).toEqual([
      [201, '"1"'],
      [201, '"1"'],
      [200, '"2"'],
      [200, '"3"'],
      [204, '"4"'],
    ]);
    expect(first[0]?.location).toMatch(/^\/order\/[0-9a-f-]{36}$/);
    for (const to of [command, other]) {
      for (const [place, request] of requests.entries()) {
        expect(await send({ ...request, to })).toEqual(first[place]);
      }
    }
    expect(await eventCount('again')).toBe(4);
    const { id } = JSON.parse(first[0]?.text ?? '') as { readonly id: string };
    expect(await eventCount(id)).toBe(1);
  });

  it('knows its key with and without the quotes of a structured field', async () => {
    const request = { method: 'POST', path: '/order', body: {}, key: 'quoted-or-not' };
    const first = await send(request);
    expect(await send({ ...request, key: '"quoted-or-not"' })).toEqual(first);
  });

  it('is refused when it is another request', async () => {
    const key = randomUUID();
    const request = { method: 'PUT', path: '/order/reused', body: { n: 1 }, key };
    expect((await send(request)).status).toBe(201);
    for (const otherwise of [
      { body: { n: 2 } },
      { path: '/order/reused2' },
      { method: 'PATCH' },
      { headers: { 'if-match': '"1"' } },
      { method: 'POST', path: '/order' },
      // What would be refused anyway is first of all another request.
      { method: 'DELETE', path: '/order/never-was', body: undefined },
    ]) {
      const answer = await send({ ...request, ...otherwise });
      expect([answer.status, codeOf(answer)]).toEqual([422, 'idempotency-key-reused']);
    }
    expect(await eventCount('reused')).toBe(1);
    expect(await eventCount('reused2')).toBe(0);
    const elsewhere = await send({ method: 'PUT', path: '/note/reused', body: { n: 2 }, key });
    expect(elsewhere.status).toBe(201);
  });

  it('is tried anew when it was refused, because nothing was changed', async () => {
    const key = randomUUID();
    const request = { method: 'PATCH', path: '/order/later', body: { n: 1 }, key };
    expect((await send(request)).status).toBe(404);
    expect((await send({ ...request, body: { n: 'x' } })).status).toBe(404);
    await send({ method: 'PUT', path: '/order/later', body: {} });
    expect((await send({ ...request, body: { n: 'x' } })).status).toBe(400);
    const first = await send(request);
    expect(first).toMatchObject({ status: 200, etag: '"2"' });
    expect(await send(request)).toEqual(first);
  });

  it('needs a key that can be one', async () => {
    for (const key of ['a b', 'x'.repeat(256), '""']) {
      const answer = await send({ method: 'POST', path: '/order', body: {}, key });
      expect([answer.status, codeOf(answer)]).toEqual([400, 'malformed-request']);
    }
  });
});

describe('a command with a key that is under way', () => {
  it('is told so in this replica and in another, and then has its answer from both', async () => {
    const maker = await postgres.sql.reserve();
    await maker`begin`;
    await maker`
      insert into cqrs.aggregate (aggregatetype, aggregateid, version, state)
      values ('order', 'making', 1, '{}')`;
    const request = { method: 'PUT', path: '/order/making', body: { n: 1 }, key: 'making' };
    const first = send(request);
    await eventually('its statement to wait alone', 10_000, async () => {
      const waiting = await postgres.sql`
        select from pg_stat_activity where application_name = 'cqrs-command'
          and wait_event_type = 'Lock' and now() - query_start > interval '400 ms'`;
      return waiting.length > 0;
    });
    for (const to of [command, other]) {
      const answer = await send({ ...request, to });
      expect(answer).toMatchObject({ status: 409, retryAfter: '1' });
      expect(codeOf(answer)).toBe('idempotency-in-progress');
    }
    await maker`rollback`;
    maker.release();
    expect(await first).toMatchObject({ status: 201, etag: '"1"' });
    for (const to of [command, other]) expect(await send({ ...request, to })).toEqual(await first);
    expect(await eventCount('making')).toBe(1);
  });

  it('has one effect when both replicas get it at the same moment, again and again', async () => {
    const rounds = await times(40, async (n) => {
      const request =
        n % 2 === 0
          ? { method: 'POST', path: '/order', body: { round: n }, key: `race-${n}` }
          : { method: 'PUT', path: `/order/race-${n}`, body: { round: n }, key: `race-${n}` };
      return times(6, async (client) => {
        const to = client % 2 === 0 ? command : other;
        return eventually('an answer other than 409', 20_000, async () => {
          const answer = await send({ ...request, to });
          return answer.status === 409 ? undefined : answer;
        });
      });
    });
    for (const answers of rounds) {
      expect(answers[0]?.status).toBe(201);
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    }
    const events =
      await postgres.sql`select from cqrs.event where payload #> '{data,round}' is not null`;
    expect(events).toHaveLength(40);
  });

  it('is not written when its key was committed while its statement ran', async () => {
    const request = { method: 'PUT', path: '/order/late', body: { n: 1 }, key: 'late' };
    const first = await send(request);
    const [row] = await postgres.sql`delete from cqrs.idempotency where key = 'late' returning *`;
    const maker = await postgres.sql.reserve();
    await maker`begin`;
    await maker`insert into cqrs.idempotency ${maker(row ?? {})}`;
    const again = send(request);
    await eventually('its statement to wait for the key', 10_000, async () => {
      const waiting = await postgres.sql`
        select from pg_stat_activity where application_name = 'cqrs-command'
          and wait_event_type = 'Lock'`;
      return waiting.length > 0;
    });
    await maker`commit`;
    maker.release();
    const answer = await again;
    // Told that it is under way, or, tried alone with a newer snapshot, what became of it.
    expect([409, 201]).toContain(answer.status);
    expect(await send(request)).toEqual(first);
    expect(await eventCount('late')).toBe(1);
  });
});

describe('many commands with and without keys', () => {
  it('share statements, and each has its own answer', async () => {
    const requests = Array.from({ length: 120 }, (_, n): Request => ({
      method: 'PUT',
      path: `/order/many${n}`,
      body: { n },
      ...(n % 3 === 0 ? {} : { key: `many-${n}` }),
    }));
    const first = await Promise.all(requests.map(send));
    expect(new Set(first.map(({ status }) => status))).toEqual(new Set([201]));
    const again = await Promise.all(requests.map(send));
    expect(again.map(({ status }) => status)).toEqual(
      requests.map(({ key }) => (key === undefined ? 200 : 201)),
    );
    const [{ transactions }] = await postgres.sql<[{ transactions: number }]>`
      select count(distinct xmin::text)::int as transactions from cqrs.event
      where aggregateid like 'many%'`;
    expect(transactions).toBeLessThan(80);
  });
});

describe('a command whose outcome is unknown', () => {
  it('has one effect when it is repeated with its key while Postgres is killed again and again', async () => {
    const sent = new Map<string, string>();
    const wrong: string[] = [];
    const counts = { done: 0, unknown: 0 };
    const stopping = new AbortController();
    const client = async (name: number): Promise<void> => {
      for (let n = 0; !stopping.signal.aborted; n += 1) {
        const key = `unknown-${name}-${n}`;
        const request =
          n % 2 === 0
            ? { method: 'POST', path: '/order', body: { key }, key }
            : { method: 'PATCH', path: `/order/counter${name}`, body: { key }, key };
        const answer = await eventually(`an answer to ${key}`, 60_000, async () => {
          const { status, text } = await send(request);
          if (status === 503 && text.includes('unknown whether')) counts.unknown += 1;
          return status === 503 || status === 409 ? undefined : { status, text };
        });
        if (answer.status !== 201 && answer.status !== 200) wrong.push(answer.text);
        sent.set(key, (JSON.parse(answer.text) as { readonly id: string }).id);
        counts.done += 1;
      }
    };
    await times(16, async (name) => {
      return send({ method: 'PUT', path: `/order/counter${name}`, body: {} });
    });
    const clients = times(16, client);
    for (let round = 0; round < 6 || (counts.unknown === 0 && round < 20); round += 1) {
      const before = counts.done;
      await eventually('commands', 30_000, () => counts.done > before + 100);
      await postgres.restart();
    }
    stopping.abort();
    await clients;
    expect(wrong).toEqual([]);
    expect(counts.unknown).toBeGreaterThan(0);
    const rows = await postgres.sql<{ key: string; ids: string[] }[]>`
      select payload #>> '{data,key}' as key, array_agg(aggregateid) as ids from cqrs.event
      where payload #>> '{data,key}' like 'unknown-%' group by 1`;
    expect(new Map(rows.map(({ key, ids }) => [key, ids.join()]))).toEqual(sent);
  });
});

it('forgets keys after their time, and no others', async () => {
  await postgres.sql`
    insert into cqrs.idempotency
      (aggregatetype, key, fingerprint, aggregateid, version, change, created_at)
    select 'order', 'old-' || n, 'f', 'o', 1, 'created',
      now() - case when n <= 2500 then interval '25 hours' else interval '23 hours' end
    from generate_series(1, 2510) as n`;
  // It begins with a pass; another replica at the same time does no harm.
  const started = await Promise.all([start(), start()]);
  const left = async (): Promise<number> =>
    (await postgres.sql`select from cqrs.idempotency where key like 'old-%'`).length;
  await eventually('old keys to be gone', 20_000, async () => (await left()) === 10);
  await Promise.all(started.map(async (service) => service.stop()));
  expect(await left()).toBe(10);
});
