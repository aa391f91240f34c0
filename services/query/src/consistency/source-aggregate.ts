import type { TokenEntry } from '@cqrs/contract/consistency-token.ts';
import type { ViewConfig, ViewSource } from '@cqrs/contract/config.ts';

/** An aggregate as a source of one view knows it. One that feeds several sources of a view is one of each. */
export type SourceAggregate = {
  /** The source's place in the view, from 1, as the read store counts. */
  readonly source: string;
  readonly role: ViewSource['role'];
  readonly id: string;
};

/** What a reader wants to be applied before it is answered. */
export type Awaited = SourceAggregate & { readonly topic: string; readonly version: number };

/** The name by which the read store tells that an aggregate has changed. */
export function aggregateName({ source, id }: Pick<SourceAggregate, 'source' | 'id'>): string {
  return `${source} ${id}`;
}

/** What of a token concerns a view: writes of other topics can never show in it, so there is nothing to wait for. */
export function awaitedBy(
  sources: ViewConfig['sources'],
  entries: readonly TokenEntry[],
): readonly Awaited[] {
  return entries.flatMap(({ topic, id, version }) =>
    sources.flatMap((source, place) =>
      source.topic === topic
        ? [{ source: String(place + 1), role: source.role, topic, id, version }]
        : [],
    ),
  );
}
