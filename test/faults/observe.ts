/** Looks into the stores and through the query service, past everything that is being tested. */
import type { ViewConfig } from '@cqrs/contract/config.ts';
import postgres from 'postgres';
import type { TestPostgres } from '../support/postgres.ts';
import type { StoredEvent } from './check-write-store.ts';
import type { Fields } from './commands.ts';
import { get } from './http.ts';

const connectSecondsMax = 5;
const statementMsMax = 30_000;
const pageLimit = 50;
const pagesMax = 1_000;

export type StoredRows = {
  readonly events: readonly StoredEvent[];
  readonly keysWithoutEvents: readonly string[];
};

/** Everything that a write store holds, by one statement and so of one moment. Throws while Postgres is away. */
export async function readWriteStore(server: TestPostgres, aggregate: string): Promise<StoredRows> {
  const sql = postgres({
    host: server.host,
    port: server.port,
    database: server.database,
    user: 'postgres',
    password: server.passwords.postgres,
    max: 1,
    connect_timeout: connectSecondsMax,
    connection: { statement_timeout: statementMsMax },
  });
  const giveUp = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('Postgres does not answer')), statementMsMax).unref();
  });
  try {
    const rows = await Promise.race([select(sql, aggregate), giveUp]);
    return {
      events: rows.filter(({ version }) => version !== null).map(eventOf),
      keysWithoutEvents: rows.filter(({ version }) => version === null).map(({ key }) => key),
    };
  } finally {
    sql.end({ timeout: 0 }).catch(() => undefined);
  }
}

type Row = {
  readonly id: string;
  readonly key: string;
  readonly version: number | null;
  readonly type: string;
  readonly payload: StoredEvent['payload'];
  readonly traceparent: string | null;
  readonly aggregateVersion: number | null;
  readonly deleted: boolean | null;
  readonly state: Fields | null;
};

async function select(sql: postgres.Sql, aggregate: string): Promise<readonly Row[]> {
  return sql<Row[]>`
    select e.id::text, key, e.version::int, e.type, e.payload, e.traceparent,
      a.version::int as "aggregateVersion", a.deleted,
      case when a.version = e.version then a.state end as state
    from (select *, aggregateid as key from cqrs.event where aggregatetype = ${aggregate}) e
    full join (select *, aggregateid as key from cqrs.aggregate where aggregatetype = ${aggregate}) a
      using (key)
    order by key, e.version`;
}

function eventOf(row: Row): StoredEvent {
  const { id, key, version, type, payload, traceparent, aggregateVersion, deleted, state } = row;
  const aggregate =
    aggregateVersion === null || deleted === null
      ? null
      : { version: aggregateVersion, deleted, state };
  return { id, key, version: version ?? 0, type, payload, traceparent, aggregate };
}

/** A document and its root's version; null when there is none. Throws when the query service has no answer. */
export async function readDocument(
  url: string,
  view: string,
  key: string,
): Promise<{ readonly document: Fields; readonly version: number } | null> {
  const answer = await get(`${url}/${view}/${encodeURIComponent(key)}`);
  if (!answer.ok) throw new Error(`No answer from the query service of ${view}: ${answer.reason}`);
  if (answer.status === 404) return null;
  if (answer.status !== 200) throw new UnexpectedAnswer(answer.status, answer.text);
  const version = Number(/^"(\d+)/.exec(answer.etag ?? '')?.[1]);
  return { document: JSON.parse(answer.text) as Fields, version };
}

/** The keys of a list, page by page to its end. */
export async function readList(
  url: string,
  view: ViewConfig,
  list: { readonly index: number; readonly values: readonly string[] },
): Promise<readonly string[]> {
  const { by = [], order = [] } = view.indexes[list.index] ?? {};
  const parameters = new URLSearchParams({ limit: String(pageLimit) });
  if (order.length > 0) parameters.set('order', order.join(','));
  by.forEach((field, place) => parameters.set(field, list.values[place] ?? ''));
  const keys: string[] = [];
  for (let page = 0; page < pagesMax; page += 1) {
    const answer = await get(`${url}/${view.name}?${parameters.toString()}`);
    if (!answer.ok) throw new Error(`No answer from the query service: ${answer.reason}`);
    if (answer.status !== 200) throw new UnexpectedAnswer(answer.status, answer.text);
    const { items, next } = JSON.parse(answer.text) as {
      readonly items: readonly { readonly id: string }[];
      readonly next: string | null;
    };
    keys.push(...items.map(({ id }) => id));
    if (next === null) return keys;
    parameters.set('after', next);
  }
  throw new Error(`A list of ${view.name} has more than ${pagesMax} pages.`);
}

/** The query service answered with something else than what was asked for. */
export class UnexpectedAnswer extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(`${status} ${text}`);
    this.name = 'UnexpectedAnswer';
    this.status = status;
  }
}
