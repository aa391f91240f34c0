import type { ViewConfig } from '@cqrs/contract/config.ts';

/**
 * What functions.lua is told about a view, as JSON of strings and booleans. A source's number is its place in the
 * view, from 1 as Lua counts, and part of the names of its keys.
 */
export function applyShape(view: ViewConfig): string {
  const sources = view.sources.map((source, place) => ({
    role: source.role,
    number: String(place + 1),
    gapless: source.gapless,
    ...(source.role === 'part' ? { as: JSON.stringify(source.as), many: source.many } : {}),
  }));
  return JSON.stringify({
    sources,
    has_parts: view.sources.some(({ role }) => role === 'part'),
  });
}

/** The numbers of the sources that read a topic. */
export function sourceNumbers(view: ViewConfig, topic: string): readonly string[] {
  return view.sources.flatMap((source, place) =>
    source.topic === topic ? [String(place + 1)] : [],
  );
}

/** The lookups that a read joins, in the order of the ids in a document's trailer; `[]` when it is a plain GET. */
export function lookupShape(view: ViewConfig): string {
  const lookups = view.sources.flatMap((source, place) =>
    source.role === 'lookup' ? [{ number: String(place + 1), as: JSON.stringify(source.as) }] : [],
  );
  return JSON.stringify(lookups);
}
