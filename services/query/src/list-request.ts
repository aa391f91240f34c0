import { createHash } from 'node:crypto';
import type { ViewConfig } from '@cqrs/contract/config.ts';
import { indexSuffix } from '@cqrs/runtime/read-store/index-entries.ts';

export const limitDefault = 50;
export const limitMax = 500;
const cursorCharactersMax = 4_096;

/** The parameters of a list that are not fields. */
const reserved: readonly string[] = ['order', 'limit', 'after', 'key'];

export type QueryParameters = { readonly [name: string]: string | readonly string[] | undefined };

/** A list that the view can give: which index, from where, and how much. */
export type ListRequest = {
  readonly indexSuffix: string;
  readonly limit: number;
  /** The last member of the page before; null for the first page. */
  readonly after: string | null;
  /** Makes the cursor of the next page from the last member of this one. */
  readonly cursor: (member: string) => string;
};

export type ParsedListRequest =
  | { readonly ok: true; readonly request: ListRequest }
  | { readonly ok: false; readonly detail: string };

type Named = { readonly [name: string]: string };

/** Reads the query string of a list. Only what an index serves is answered: nothing is ever scanned or sorted. */
export function parseListRequest(view: ViewConfig, query: QueryParameters): ParsedListRequest {
  const repeated = Object.keys(query).find((name) => typeof query[name] !== 'string');
  if (repeated !== undefined) {
    return { ok: false, detail: `The parameter ${repeated} is given more than once.` };
  }
  const given = query as Named;
  const place = findIndex(view, given);
  const index = view.indexes[place];
  if (index === undefined) return { ok: false, detail: `${asked(given)} ${offered(view)}` };
  const limit = parseLimit(given['limit']);
  if (limit === null) {
    const detail = `The limit is "${given['limit']}"; give a whole number from 1 to ${limitMax}.`;
    return { ok: false, detail };
  }
  const suffix = indexSuffix(
    place,
    index.by.map((field) => given[field] ?? ''),
  );
  // A cursor belongs to one list; of another it would give some page that nobody asked for.
  const list = createHash('sha256')
    .update(JSON.stringify([view.name, index.by, index.order, suffix]))
    .digest('base64url')
    .slice(0, 8);
  const after = parseCursor(given['after'], list);
  if (after === undefined) {
    const detail = `The cursor "${given['after']}" is not one that this list gave; begin without "after".`;
    return { ok: false, detail };
  }
  const cursor = (member: string): string => list + Buffer.from(member).toString('base64url');
  return { ok: true, request: { indexSuffix: suffix, limit, after, cursor } };
}

/** The first index whose `by` fields are just those given, and whose order is the one asked for, if any is. */
function findIndex(view: ViewConfig, given: Named): number {
  const fields = Object.keys(given).filter((name) => !reserved.includes(name));
  const order = given['order'];
  return view.indexes.findIndex(
    (index) =>
      index.by.length === fields.length &&
      index.by.every((field) => fields.includes(field)) &&
      (order === undefined || order === index.order.join(',')),
  );
}

function parseLimit(text: string | undefined): number | null {
  if (text === undefined) return limitDefault;
  const limit = Number(text);
  return /^\d{1,3}$/.test(text) && limit >= 1 && limit <= limitMax ? limit : null;
}

/** The member in a cursor of this list; null when none is given, undefined when it is not one of this list. */
function parseCursor(text: string | undefined, list: string): string | null | undefined {
  if (text === undefined) return null;
  if (text.length > cursorCharactersMax || !text.startsWith(list)) return undefined;
  const member = Buffer.from(text.slice(list.length), 'base64url').toString('utf8');
  return member.includes('\0') ? member : undefined;
}

function asked(given: Named): string {
  const fields = Object.keys(given).filter((name) => !reserved.includes(name));
  const by = fields.length === 0 ? 'without a filter' : `by ${fields.join(' and ')}`;
  const order = given['order'] === undefined ? '' : ` in the order "${given['order']}"`;
  return `No index gives a list ${by}${order}.`;
}

function offered(view: ViewConfig): string {
  if (view.indexes.length === 0) {
    return `The view ${view.name} has no indexes; read documents by key, or declare an index in the view.`;
  }
  const lists = view.indexes.map(({ by, order }) => {
    const parameters = by.map((field) => `${field}=…`);
    if (order.length > 0) parameters.push(`order=${order.join(',')}`);
    return `/${view.name}${parameters.length === 0 ? '' : '?'}${parameters.join('&')}`;
  });
  return `The view ${view.name} offers ${lists.join(' and ')}.`;
}
