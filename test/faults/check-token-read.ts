import { isDeepStrictEqual } from 'node:util';
import type { ViewConfig, ViewSource } from '@cqrs/contract/config.ts';
import type { TokenEntry } from '@cqrs/contract/consistency-token.ts';
import type { StoredEvent } from './check-write-store.ts';
import type { Fields } from './commands.ts';
import type { Difference } from './difference.ts';

/** Where a reader looked: under a key, or into the list of those whose `field` is `value`. */
export type Scope =
  | { readonly kind: 'document'; readonly key: string }
  | { readonly kind: 'list'; readonly field: string; readonly value: string };

/** An answer that was given as one that shows all that its token covers. */
export type TokenRead = {
  readonly view: string;
  readonly scope: Scope;
  readonly entries: readonly TokenEntry[];
  /** None where the answer was that there is nothing. */
  readonly documents: readonly Fields[];
  /** Whether a list had a further page: what is missing may be there. */
  readonly hasMore: boolean;
};

/** All events of a topic by the id of their aggregate, in the order of their versions. */
export type EventsById = ReadonlyMap<string, readonly StoredEvent[]>;

/** What one source of a view shows of one aggregate: each place where it may stand. */
type Place = {
  readonly entry: TokenEntry;
  readonly what: string;
  readonly shown: Fields | null;
  readonly belongs: (state: Fields) => boolean;
};

/** Whether each answer is as new as its token: what it shows of each aggregate is of the token's version or a later one. */
export function tokenReadDifference(
  view: ViewConfig,
  reads: readonly TokenRead[],
  eventsOf: (topic: string) => EventsById,
): Difference | null {
  for (const read of reads) {
    const old = read.entries
      .flatMap((entry) => placesOf(view, read, entry))
      .map((place) => ({ place, states: statesFrom(place.entry, eventsOf) }))
      .find(({ place, states }) => !isNew(place, states));
    if (old === undefined) continue;
    const { place, states } = old;
    return {
      what: 'A read with a token shows what the token covers',
      key: `${view.name} ${JSON.stringify(read.scope)} ${place.what}`,
      expected: { version: `${place.entry.version} or later`, states },
      seen: place.shown,
    };
  }
  return null;
}

function statesFrom(
  { topic, id, version }: TokenEntry,
  eventsOf: (topic: string) => EventsById,
): readonly (Fields | null)[] {
  const events = eventsOf(topic).get(id) ?? [];
  return events.slice(version - 1).map(({ payload }) => payload.state);
}

function isNew({ shown, belongs }: Place, states: readonly (Fields | null)[]): boolean {
  return states.some((state) =>
    state !== null && belongs(state) ? isDeepStrictEqual(shown, state) : shown === null,
  );
}

function placesOf(view: ViewConfig, read: TokenRead, entry: TokenEntry): readonly Place[] {
  return view.sources.flatMap((source) => {
    if (source.topic !== entry.topic) return [];
    return source.role === 'part' ? partPlaces(source, read, entry) : rootPlaces(view, read, entry);
  });
}

function rootPlaces(view: ViewConfig, read: TokenRead, entry: TokenEntry): readonly Place[] {
  const { id } = entry;
  const { scope, documents, hasMore } = read;
  if (scope.kind === 'document' && scope.key !== id) return [];
  const document = documents.find((one) => one['id'] === id);
  if (document === undefined && hasMore) return [];
  const added = view.sources.flatMap((source) => (source.role === 'root' ? [] : [source.as]));
  const shown =
    document === undefined
      ? null
      : Object.fromEntries(Object.entries(document).filter(([field]) => !added.includes(field)));
  const belongs = (state: Fields): boolean =>
    scope.kind === 'document' || state[scope.field] === scope.value;
  return [{ entry, what: id, shown, belongs }];
}

function partPlaces(
  { key, as }: Extract<ViewSource, { readonly role: 'part' }>,
  { documents }: TokenRead,
  entry: TokenEntry,
): readonly Place[] {
  const { id } = entry;
  return documents.map((document) => {
    const parts = document[as] as readonly Fields[];
    return {
      entry,
      what: `${String(document['id'])} ${as} ${id}`,
      shown: parts.find((part) => part['id'] === id) ?? null,
      belongs: (state) => state[key] === document['id'],
    };
  });
}
