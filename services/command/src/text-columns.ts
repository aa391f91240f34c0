import type postgres from 'postgres';

/**
 * Values of each item as an array of text, sent with a line each; an empty one is null. None can hold a line break: ids
 * and names have no such characters, and JSON escapes them. In an array literal every quote of the JSON would have to be
 * escaped, and read once more.
 */
export function columnsOf<T>(sql: postgres.Sql, items: readonly T[]) {
  return (valueOf: (item: T) => string | null) =>
    sql`string_to_array(${items.map((item) => valueOf(item) ?? '').join('\n')}, chr(10), '')`;
}
