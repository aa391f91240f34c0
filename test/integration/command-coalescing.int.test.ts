import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCommandLoad } from '../support/command-load.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { startService, type TestService } from '../support/process.ts';

const config = {
  service: { namespace: 'shop', name: 'orders' },
  aggregates: [{ name: 'order', schema: { type: 'object' } }],
};

let postgres: TestPostgres;
let command: TestService;
/** Another replica over the same tables. */
let other: TestService;

beforeAll(async () => {
  postgres = await startPostgres();
  const start = async () =>
    startService({ program: 'command', config, env: postgres.env('command') });
  [command, other] = await Promise.all([start(), start()]);
  await Promise.all([command.ready(), other.ready()]);
});
afterAll(async () => {
  await Promise.all([command?.stop(), other?.stop()]);
  await postgres?.stop();
});

async function send(method: string, path: string, body: object, to = command) {
  const answer = await fetch(to.http + path, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const each = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, async (_, n) => work(n)));

/** Digits that Postgres writes out make this event larger than a record, which nobody before it can see. */
const tooLarge = { n: Array.from({ length: 20_000 }, () => 1e300) };

async function expectGaplessVersions(): Promise<void> {
  const wrong = await postgres.sql`
    select aggregateid, a.version, count(e.*), max(e.version)
    from cqrs.aggregate a left join cqrs.event e using (aggregatetype, aggregateid)
    group by aggregatetype, aggregateid
    having count(e.*) <> a.version or max(e.version) <> a.version`;
  expect([...wrong]).toEqual([]);
}

describe('commands at the same time', () => {
  it('share few transactions, and each has its own answer', async () => {
    await each(128, async (n) => send('PUT', `/order/shared${n}`, { n }));
    const replaced = await each(128, async (n) =>
      send('PUT', `/order/shared${n}`, { n: n + 1000 }),
    );
    expect(replaced.map(({ status, body }) => [status, body])).toEqual(
      Array.from({ length: 128 }, (_, n) => [200, { id: `shared${n}`, version: 2 }]),
    );
    const [{ events, transactions }] = await postgres.sql<
      [{ events: number; transactions: number }]
    >`
      select count(*)::int as events, count(distinct xmin::text)::int as transactions
      from cqrs.event where aggregateid like 'shared%'`;
    expect(events).toBe(256);
    expect(transactions).toBeLessThan(128);
    const rows = await postgres.sql`
      select aggregateid as id, (payload #>> '{data,n}')::int as n from cqrs.event
      where aggregateid like 'shared%' and version = 2`;
    expect(rows.every(({ id, n }) => id === `shared${Number(n) - 1000}`)).toBe(true);
  });

  it('are not harmed by one that Postgres refuses', async () => {
    const answers = await each(60, async (n) =>
      send('PUT', `/order/neighbour${n}`, n % 20 === 7 ? tooLarge : { n }),
    );
    const wrong = answers.flatMap(({ status }, n) => (status === 201 ? [] : [[n, status]]));
    expect(wrong).toEqual([
      [7, 413],
      [27, 413],
      [47, 413],
    ]);
    await expectGaplessVersions();
  });

  it('do not wait for one whose row somebody holds', async () => {
    const ids = Array.from({ length: 40 }, (_, n) => `held${n}`);
    await Promise.all(ids.map(async (id) => send('PUT', `/order/${id}`, {})));
    const holder = await postgres.sql.reserve();
    await holder`begin`;
    await holder`select from cqrs.aggregate where aggregateid = 'held3' for update`;
    let isHeldAnswered = false;
    const held = send('PATCH', '/order/held3', { n: 1 }).finally(() => (isHeldAnswered = true));
    for (let round = 0; round < 5; round += 1) {
      const free = ids.filter((id) => id !== 'held3');
      const answers = await Promise.all(
        free.map(async (id) => send('PATCH', `/order/${id}`, { round })),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    }
    expect(isHeldAnswered).toBe(false);
    await holder`rollback`;
    holder.release();
    expect(await held).toEqual({ status: 200, body: { id: 'held3', version: 2 } });
  });

  it('do not fail with one that waits for a row which is being made', async () => {
    const maker = await postgres.sql.reserve();
    await maker`begin`;
    await maker`
      insert into cqrs.aggregate (aggregatetype, aggregateid, version, state)
      values ('order', 'made3', 1, '{}')`;
    const sent = each(40, async (n) => send('PUT', `/order/made${n}`, { n }));
    await eventually('the others to be there', 10_000, async () => {
      const rows = await postgres.sql`select from cqrs.aggregate where aggregateid like 'made%'`;
      return rows.length === 39;
    });
    await maker`rollback`;
    maker.release();
    expect(new Set((await sent).map(({ status }) => status))).toEqual(new Set([201]));
    await expectGaplessVersions();
  });
});

describe('commands for the same aggregates through two replicas', () => {
  it('never deadlock, lose no version and skip none', async () => {
    const loads = [command, other].map(({ http }) =>
      startCommandLoad({ url: http, aggregate: 'order', ids: 12, clients: 48 }),
    );
    await eventually('load', 40_000, () => loads.every((load) => load.acknowledgedCount() > 1_500));
    await Promise.all(loads.map((load) => load.stop()));
    expect(loads.flatMap(({ unexpected }) => unexpected)).toEqual([]);
    const [{ deadlocks }] = await postgres.sql<[{ deadlocks: number }]>`
      select sum(deadlocks)::int as deadlocks from pg_stat_database`;
    expect(deadlocks).toBe(0);
    for (const { acknowledged } of loads) {
      for (const [id, version] of acknowledged) {
        const [row] = await postgres.sql<{ version: number }[]>`
          select version::int from cqrs.aggregate where aggregateid = ${id}`;
        expect(row?.version).toBeGreaterThanOrEqual(version);
      }
    }
    await expectGaplessVersions();
  });

  it('are answered with the version under which their event stands', async () => {
    const answers = await each(200, async (n) => {
      const { status, body } = await send(
        'PUT',
        '/order/one',
        { n },
        n % 2 === 0 ? command : other,
      );
      return { n, status, version: body['version'] };
    });
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    const events = await postgres.sql<{ n: number; version: number }[]>`
      select (payload #>> '{data,n}')::int as n, version::int from cqrs.event
      where aggregateid = 'one' order by version`;
    const answered = answers
      .map(({ n, version }) => ({ n, version: Number(version) }))
      .toSorted((one, another) => one.version - another.version);
    expect([...events]).toEqual(answered);
    expect(events.map(({ version }) => version)).toEqual(
      Array.from({ length: 200 }, (_, index) => index + 1),
    );
  });
});
