import { isDeepStrictEqual } from 'node:util';
import type { ViewConfig } from '@cqrs/contract/config.ts';
import type { StoredEvent } from './check-write-store.ts';
import type { Fields } from './commands.ts';
import type { Difference } from './difference.ts';

/** A document as a reader saw it at some time of the run. */
export type SeenDocument = {
  readonly view: string;
  readonly key: string;
  /** Of the document's root, which its entity tag begins with. */
  readonly version: number;
  readonly document: Fields;
};

/** Whether what was read is a state that the document's root has had; faults may make a reader see an older one. */
export function seenDocumentDifference(
  view: ViewConfig,
  seen: readonly SeenDocument[],
  rootEvents: readonly StoredEvent[],
): Difference | null {
  const states = new Map(
    rootEvents.map(({ key, version, payload }) => [`${version} ${key}`, payload.state]),
  );
  const added = view.sources.flatMap((source) => (source.role === 'root' ? [] : [source.as]));
  for (const { key, version, document } of seen) {
    const root = Object.fromEntries(
      Object.entries(document).filter(([field]) => !added.includes(field)),
    );
    const expected = states.get(`${version} ${key}`) ?? null;
    if (isDeepStrictEqual(root, expected)) continue;
    const what = 'What a reader sees is the state that some event left';
    return { what, key: `${view.name}/${key} version ${version}`, expected, seen: root };
  }
  return null;
}

/** Compares what the view shows under each key (null: nothing) with what it must. */
export function documentsDifference(
  view: ViewConfig,
  expected: ReadonlyMap<string, Fields>,
  shown: ReadonlyMap<string, Fields | null>,
): Difference | null {
  for (const [key, seen] of shown) {
    const wanted = expected.get(key) ?? null;
    if (isDeepStrictEqual(seen, wanted)) continue;
    const what = 'A document is the fold of its events';
    return { what, key: `${view.name}/${key}`, expected: wanted, seen };
  }
  return null;
}
