import type { ViewConfig } from '@cqrs/contract/config.ts';

/** What one step of the projector has changed in a view; null where anything may have changed. */
export type Change = {
  /** Ids of the documents that may show something else now. */
  readonly documents: ReadonlySet<string> | null;
  /** Names (`aggregateName`) of the aggregates that have another version now. */
  readonly aggregates: ReadonlySet<string> | null;
};

export const anyChange: Change = { documents: null, aggregates: null };

/** The first source of every view is its root, whose ids are the documents' keys. */
const rootSource = '1';

const sourceOf = (name: string): string => name.slice(0, name.indexOf(' '));

/** The numbers of a view's sources whose change shows in documents that nobody knows. */
export function lookupSources(sources: ViewConfig['sources']): ReadonlySet<string> {
  return new Set(
    sources.flatMap(({ role }, place) => (role === 'lookup' ? [String(place + 1)] : [])),
  );
}

/** Reads what functions.lua publishes: JSON `["<source> <id>", …]`, empty when there were too many to name. */
export function readChange(message: string, lookups: ReadonlySet<string>): Change {
  const names = JSON.parse(message) as readonly string[];
  if (names.length === 0) return anyChange;
  const roots = names.filter((name) => sourceOf(name) === rootSource);
  const documents = new Set(roots.map((name) => name.slice(rootSource.length + 1)));
  const showsAnywhere = names.some((name) => lookups.has(sourceOf(name)));
  return { documents: showsAnywhere ? null : documents, aggregates: new Set(names) };
}
