import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMigrations } from '../../services/command/src/migrate.ts';
import { startCommandLoad, type CommandLoad } from '../support/command-load.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { startService, type TestService } from '../support/process.ts';

const config = {
  service: { namespace: 'shop', name: 'orders' },
  aggregates: [{ name: 'order', schema: { type: 'object' } }],
};

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => postgres?.stop());

const start = async (over: object = config): Promise<TestService> =>
  startService({ program: 'command', config: over, env: postgres.env('command') });

async function put(service: TestService, id: string) {
  return send(service, 'PUT', `/order/${id}`);
}

async function send(service: TestService, method: 'POST' | 'PUT', path: string) {
  const answer = await fetch(service.http + path, {
    method,
    headers: { 'content-type': 'application/json' },
    body: '{"n":1}',
  });
  const body = (await answer.json()) as Record<string, unknown>;
  return { status: answer.status, headers: answer.headers, body };
}

async function create(service: TestService, size: number) {
  return Promise.all(Array.from({ length: size }, async () => send(service, 'POST', '/order')));
}

async function crowd(service: TestService, size: number) {
  return Promise.all(Array.from({ length: size }, async (_, n) => put(service, `crowd${n}`)));
}

async function ids(): Promise<readonly string[]> {
  const rows = await postgres.sql<{ id: string }[]>`select aggregateid as id from cqrs.aggregate`;
  return rows.map(({ id }) => id);
}

async function refusedCount(service: TestService): Promise<number> {
  const text = await (await fetch(`${service.ops}/metrics`)).text();
  return Number(/outcome="overloaded"} (\d+)/.exec(text)?.[1] ?? 0);
}

async function gauge(service: TestService, name: string): Promise<number> {
  const text = await (await fetch(`${service.ops}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1]);
}

/** Every acknowledged command is there with its event, and no event is there twice or alone. */
async function expectNothingLost(load: CommandLoad): Promise<void> {
  const rows = await postgres.sql<{ id: string; version: number; versions: number[] }[]>`
    select a.aggregateid as id, a.version::int,
      array_agg(e.version::int order by e.version) as versions
    from cqrs.aggregate a left join cqrs.event e using (aggregatetype, aggregateid)
    where a.aggregatetype = 'order' group by 1, 2`;
  const stored = new Map(rows.map(({ id, version }) => [id, version]));
  for (const [id, version] of load.acknowledged) {
    expect(stored.get(id), `${id} was acknowledged at ${version}`).toBeGreaterThanOrEqual(version);
  }
  for (const { version, versions } of rows) {
    expect(versions).toEqual(Array.from({ length: version }, (_, index) => index + 1));
  }
  const [orphans] = await postgres.sql<[{ count: number }]>`
    select count(*)::int from cqrs.event e left join cqrs.aggregate a using (aggregatetype, aggregateid)
    where a.version is null or a.version < e.version`;
  expect(orphans.count).toBe(0);
}

describe('starting', () => {
  it('waits for a Postgres that is not there, alive and not ready, and serves when it comes', async () => {
    await postgres.kill();
    const service = await start();
    const [late, alsoLate] = [service, await start()];
    await eventually('a reason in the status', 10_000, async () => {
      const { error } = await service.status<{ error: string | null }>();
      return error?.includes('could not be brought up to date yet');
    });
    expect((await fetch(`${service.ops}/readyz`)).status).toBe(503);
    expect((await fetch(`${service.ops}/livez`)).status).toBe(200);
    await postgres.start();
    // Both find an empty database at the same moment; one migrates and the other waits for it.
    await Promise.all([late.ready(20_000), alsoLate.ready(20_000)]);
    expect(await late.status()).toEqual({ program: 'command', error: null });
    const migrated = await postgres.sql`select version from cqrs.migration`;
    expect(migrated).toHaveLength((await readMigrations()).length);
    expect([await late.stop(), await alsoLate.stop()]).toEqual([0, 0]);
  });

  it('stays alive with a schema that cannot be used, and says which in its status', async () => {
    const wrong = { ...config, aggregates: [{ name: 'order', schema: { type: 'objekt' } }] };
    const service = await start(wrong);
    await eventually('a reason in the status', 10_000, async () => {
      const { error } = await service.status<{ error: string | null }>();
      return error?.includes('schema of the aggregate order');
    });
    expect((await fetch(`${service.ops}/readyz`)).status).toBe(503);
    expect(service.running()).toBe(true);
    expect(await service.stop()).toBe(0);
  });

  it('leaves a newer schema alone and still serves', async () => {
    const first = await start();
    await first.ready();
    await first.stop();
    await postgres.sql`insert into cqrs.migration (version, name) values (9999, 'of-the-future')`;
    const service = await start();
    await service.ready();
    expect((await put(service, 'old-and-new')).status).toBe(201);
    await service.stop();
    await postgres.sql`delete from cqrs.migration where version = 9999`;
  });
});

describe('under load', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await start();
    await service.ready();
  });
  afterAll(async () => {
    await service?.stop();
  });

  it('answers 503 while Postgres is dead, loses nothing, and recovers by itself', async () => {
    const load = startCommandLoad({ url: service.http, aggregate: 'order', ids: 20, clients: 24 });
    for (let round = 0; round < 3; round += 1) {
      const before = load.acknowledgedCount();
      await eventually(
        'commands to go through',
        20_000,
        () => load.acknowledgedCount() > before + 200,
      );
      await postgres.kill();
      const refused = load.unavailable();
      await eventually('refusals', 10_000, () => load.unavailable() > refused + 50);
      const answer = await put(service, 'while-down');
      expect(answer).toMatchObject({
        status: 503,
        body: { type: 'urn:cqrs:problem:store-unavailable' },
      });
      expect(answer.headers.get('retry-after')).toBe('1');
      expect((await service.status<{ error: string }>()).error).toMatch(/Postgres/);
      expect((await fetch(`${service.ops}/readyz`)).status).toBe(200);
      await postgres.start();
    }
    const before = load.acknowledgedCount();
    await eventually('recovery', 20_000, () => load.acknowledgedCount() > before + 200);
    await load.stop();
    expect(load.unexpected).toEqual([]);
    expect(await service.status()).toEqual({ program: 'command', error: null });
    await expectNothingLost(load);
  });

  it('notices that Postgres is back, also when nobody sends a command', async () => {
    await postgres.kill();
    expect((await put(service, 'nobody')).status).toBe(503);
    expect((await service.status<{ error: string }>()).error).toMatch(/Postgres/);
    await postgres.start();
    const recovered = eventually('a status without an error', 10_000, async () => {
      return (await service.status<{ error: string | null }>()).error === null;
    });
    expect(await recovered).toBe(true);
  });

  it('gives up on a Postgres that is frozen, in bounded time and saying what is unknown, and where to look', async () => {
    const warm = await crowd(service, 40);
    expect(new Set(warm.map(({ status }) => status))).toEqual(new Set([201]));
    const maybeCreated: string[] = [];
    const before = new Set(await ids());
    await postgres.pause();
    try {
      const startMs = performance.now();
      // They go first, because the connections that are open are for those who come first; who opens one has not begun.
      const creating = create(service, 100);
      await eventually('all of them to be in hand', 5_000, async () => {
        return (await gauge(service, 'cqrs_command_running')) === 100;
      });
      const answers = await Promise.all([creating, crowd(service, 40)]);
      expect(performance.now() - startMs).toBeLessThan(15_000);
      expect(new Set(answers.flat().map(({ status }) => status))).toEqual(new Set([503]));
      const [created = [], replaced = []] = answers.map((of) =>
        of.map(({ body }) => String(body['detail'])),
      );
      // What was on its way when Postgres froze may be written; what was only read, or not begun, is not.
      expect(created.filter((detail) => detail.includes('unknown whether'))).not.toEqual([]);
      expect(replaced.filter((detail) => detail.includes('unknown whether'))).toEqual([]);
      const [unknown = []] = answers.map((of) =>
        of.filter(({ body }) => String(body['detail']).includes('unknown whether')),
      );
      for (const { body } of unknown) {
        const id = String(body['id']);
        expect(String(body['detail'])).toContain(`read the id ${id} before`);
        maybeCreated.push(id);
      }
      const unchanged = /not begun|nothing was changed/i;
      expect(replaced.filter((detail) => !unchanged.test(detail))).toEqual([]);
      // 128 were in hand; the others waited in vain for one of them to end.
      expect(replaced.filter((detail) => detail.includes('not begun'))).not.toEqual([]);
    } finally {
      await postgres.resume();
    }
    await eventually('recovery', 20_000, async () => (await put(service, 'crowd0')).status === 200);
    const created = (await ids()).filter((id) => !before.has(id) && !id.startsWith('crowd'));
    expect(maybeCreated).toEqual(expect.arrayContaining(created));
    for (const id of maybeCreated) {
      const { status } = await fetch(`${service.http}/order/${id}`);
      expect(status).toBe(created.includes(id) ? 200 : 404);
    }
  });

  it('refuses what it cannot queue, at once, and serves the rest', async () => {
    const blocked = await postgres.sql.reserve();
    await blocked`begin`;
    await blocked`lock table cqrs.aggregate in exclusive mode`;
    const refusedBefore = await refusedCount(service);
    const sent = crowd(service, 700);
    // 128 run and 512 wait.
    await eventually('refusals', 10_000, async () => {
      return (await refusedCount(service)) >= refusedBefore + 700 - 128 - 512;
    });
    await blocked`rollback`;
    blocked.release();
    const answers = await sent;
    const overloaded = answers.filter(({ status }) => status === 503);
    expect(new Set(overloaded.map(({ body }) => body['type']))).toEqual(
      new Set(['urn:cqrs:problem:overloaded']),
    );
    const served = answers.filter(({ status }) => status === 200 || status === 201);
    expect(served.length).toBe(700 - overloaded.length);
    expect(served.length).toBeGreaterThan(0);
  });

  it('finishes what it has begun when it is told to stop', async () => {
    const leaving = await start();
    await leaving.ready();
    const load = startCommandLoad({ url: leaving.http, aggregate: 'order', ids: 20, clients: 8 });
    await eventually('load', 10_000, () => load.acknowledgedCount() > 100);
    const stopped = leaving.stop();
    await eventually('readiness to go', 5_000, async () => {
      return (await fetch(`${leaving.ops}/readyz`)).status === 503;
    });
    // Requests still arrive until Kubernetes has told everybody; they are served.
    const before = load.acknowledgedCount();
    await delay(300);
    expect(load.acknowledgedCount()).toBeGreaterThan(before);
    await load.stop();
    expect(await stopped).toBe(0);
    expect(load.unexpected).toEqual([]);
    await expectNothingLost(load);
  });
});
