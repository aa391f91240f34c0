import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import postgresClient from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventDraft } from '../../services/command/src/decide.ts';
import { createLanes, silenceMsMax } from '../../services/command/src/lanes.ts';
import { migrateUntilDone } from '../../services/command/src/migrate.ts';
import { createStore, type Append, type Store } from '../../services/command/src/store.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

let postgres: TestPostgres;
let store: Store;

beforeAll(async () => {
  postgres = await startPostgres();
  const { host, port, database, passwords } = postgres;
  const user = 'cqrs_command';
  store = createStore({ host, port, database, user, password: passwords.command });
  await migrateUntilDone(store.use, () => undefined, new AbortController().signal);
});
afterAll(async () => {
  await store?.close();
  await postgres?.stop();
});

function appendOf(id: string, expectedVersion: number, texts: readonly (string | null)[]): Append {
  const events = texts.map((stateText, place): EventDraft => ({
    type: `order.step${place}`,
    dataText: `{"place":${place}}`,
    stateText,
  }));
  return {
    aggregate: 'order',
    id,
    change: { kind: 'change', change: 'updated', expectedVersion, events },
    eventIds: events.map(() => randomUUID()),
    traceparent: null,
    once: null,
  };
}

const steps = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, place) => `{"step":${place}}`);

describe('a change of several events', () => {
  it('is written whole, in the order of its versions, beside others in the same statement', async () => {
    const counts = Array.from({ length: 100 }, (_, n) => (n % 4 === 0 ? 1 + (n % 7) : 1));
    const appends = counts.map((count, n) => appendOf(`several${n}`, 0, steps(count)));
    const first = await Promise.all(appends.map(store.append));
    expect(new Set(first.map(({ kind }) => kind))).toEqual(new Set(['written']));
    const next = counts.map((count, n) => appendOf(`several${n}`, count, steps(count)));
    expect(new Set((await Promise.all(next.map(store.append))).map(({ kind }) => kind))).toEqual(
      new Set(['written']),
    );
    // `ctid` is the place in the table, hence the order of insertion, which is the relay's.
    const rows = await postgres.sql<{ id: string; versions: number[]; transactions: number }[]>`
      select aggregateid as id, array_agg(version::int order by ctid) as versions,
        count(distinct xmin::text)::int as transactions
      from cqrs.event where aggregateid like 'several%' group by 1`;
    for (const { id, versions, transactions } of rows) {
      const count = (counts[Number(id.slice('several'.length))] ?? 0) * 2;
      expect(versions).toEqual(Array.from({ length: count }, (_, place) => place + 1));
      expect(transactions).toBe(2);
    }
    const states = await postgres.sql<{ id: string; version: number; step: number }[]>`
      select aggregateid as id, version::int, (state ->> 'step')::int as step from cqrs.aggregate
      where aggregateid like 'several%'`;
    for (const { id, version, step } of states) {
      const count = counts[Number(id.slice('several'.length))] ?? 0;
      expect([version, step]).toEqual([count * 2, count - 1]);
    }
    const [{ statements }] = await postgres.sql<[{ statements: number }]>`
      select count(distinct xmin::text)::int as statements from cqrs.event
      where aggregateid like 'several%'`;
    expect(statements).toBeLessThan(20);
  });

  it('is written not at all when the aggregate has another version', async () => {
    expect(await store.append(appendOf('outrun', 0, steps(3)))).toEqual({ kind: 'written' });
    const answers = await Promise.all([
      store.append(appendOf('outrun', 2, steps(3))),
      store.append(appendOf('other', 0, steps(2))),
    ]);
    expect(answers).toEqual([{ kind: 'outrun' }, { kind: 'written' }]);
    expect(await store.append(appendOf('outrun', 0, steps(1)))).toEqual({ kind: 'outrun' });
    expect(await store.read({ aggregate: 'order', id: 'outrun' })).toEqual({
      version: 3,
      stateText: '{"step": 2}',
    });
  });

  it('may delete and create again on its way, each event with its own state', async () => {
    await store.append(appendOf('reborn', 0, ['{"step":0}', null, '{"step":1}', null]));
    expect(await store.read({ aggregate: 'order', id: 'reborn' })).toEqual({
      version: 4,
      stateText: null,
    });
    const events = await postgres.sql`
      select version::int, payload -> 'state' as state, payload #> '{data,place}' as place
      from cqrs.event where aggregateid = 'reborn' order by version`;
    expect(events.map(({ version, state, place }) => [version, state, place])).toEqual([
      [1, { step: 0 }, 0],
      [2, null, 1],
      [3, { step: 1 }, 2],
      [4, null, 3],
    ]);
  });

  it('holds the aggregate as one change when appended under its lock', async () => {
    await store.append(appendOf('locked', 0, steps(1)));
    const appended = await store.locked({ aggregate: 'order', id: 'locked' }, async (held) => {
      const { version } = await held.load();
      return held.append(appendOf('locked', version, steps(4)));
    });
    expect(appended).toEqual({ kind: 'written' });
    expect(await store.read({ aggregate: 'order', id: 'locked' })).toMatchObject({ version: 5 });
  });
});

describe('a connection', () => {
  it('that was idle for as long as a busy one may be silent takes the work that begins just then', async () => {
    const { host, port, database, passwords } = postgres;
    const address = { host, port, database, user: 'cqrs_command', password: passwords.command };
    const lanes = createLanes(address, { lanesMax: 1, session: {}, isBroken: () => true });
    await lanes.use(async (sql) => sql`select 1`);
    const idleSinceMs = performance.now();
    await delay(silenceMsMax - 100);
    const begun = Promise.withResolvers<unknown>();
    setImmediate(() => {
      // The timeout of its socket is due then, and the event loop has not come to it yet.
      while (performance.now() < idleSinceMs + silenceMsMax + 50);
      begun.resolve(lanes.use(async (sql) => sql`select 2 as two`));
    });
    expect(await begun.promise).toEqual([{ two: 2 }]);
    await lanes.close();
  }, 20_000);
});

describe('a replica of the version before', () => {
  it('writes into the newer schema, and both go on from what the other wrote', async () => {
    const { host, port, database, passwords } = postgres;
    const before = postgresClient({
      host,
      port,
      database,
      username: 'cqrs_command',
      password: passwords.command,
      max: 1,
      fetch_types: false,
    });
    const file = new URL('./command-append-0001.sql', import.meta.url);
    const statement = await readFile(file, 'utf8');
    const appendBefore = async (id: string, expected: number): Promise<number> => {
      const rows = await before.unsafe(
        statement,
        [
          ['order', id, String(expected), '{"by":"before"}', randomUUID()],
          ['order.updated', '{"by":"before"}', ''],
        ].flat(),
      );
      return rows.length;
    };
    const key = { key: 'two-versions', fingerprint: 'f' };
    expect(await appendBefore('two', 0)).toBe(1);
    expect(await store.append({ ...appendOf('two', 1, steps(3)), once: key })).toEqual({
      kind: 'written',
    });
    expect(await appendBefore('two', 1)).toBe(0);
    expect(await appendBefore('two', 4)).toBe(1);
    expect(await store.append({ ...appendOf('two', 5, steps(1)), once: key })).toMatchObject({
      kind: 'remembered',
      as: { id: 'two', version: 4 },
    });
    expect(await store.append(appendOf('two', 5, steps(1)))).toEqual({ kind: 'written' });
    await before.end();
    const versions = await postgres.sql`
      select version::int from cqrs.event where aggregateid = 'two' order by version`;
    expect(versions.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6]);
  });
});
