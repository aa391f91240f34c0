import { createHash } from 'node:crypto';
import type { ViewIndex } from '@cqrs/contract/config.ts';
import { sortField, sortKey, type SortField } from './sort-key.ts';
import { stateField } from './state-field.ts';

/** A longer list of values becomes a hash in the key's name, so that no user text makes keys of any length. */
const indexValuesCharactersMax = 200;

type State = { readonly [field: string]: unknown };

/**
 * The text by which a `by` field is asked for in a URL, where everything is text: 7 and "7" are one, and a missing
 * field, null and "" are one. Null for an object or array: such a document is in no list of that index.
 */
export function indexValue(value: unknown): string | null {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

/** The end of an index key: which index of the view, and for which values of its `by` fields. */
export function indexSuffix(indexNumber: number, values: readonly string[]): string {
  const text = JSON.stringify(values);
  const bounded =
    text.length > indexValuesCharactersMax ? createHash('sha256').update(text).digest('hex') : text;
  return `${indexNumber}:${bounded}`;
}

export type PlannedIndex = {
  readonly number: number;
  readonly by: readonly string[];
  readonly order: readonly SortField[];
};

export function planIndexes(indexes: readonly ViewIndex[]): readonly PlannedIndex[] {
  return indexes.map(({ by, order }, number) => ({ number, by, order: order.map(sortField) }));
}

/** Where a document stands in the view's lists: index key suffix, member, suffix, member, … The id holds no NUL. */
export function indexEntries(
  indexes: readonly PlannedIndex[],
  state: State,
  id: string,
): readonly string[] {
  const entries: string[] = [];
  for (const index of indexes) {
    const values = index.by.map((field) => indexValue(stateField(state, field)));
    if (!values.every((value) => value !== null)) continue;
    entries.push(indexSuffix(index.number, values), `${sortKey(index.order, state)}\0${id}`);
  }
  return entries;
}
