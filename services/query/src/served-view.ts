import type { ViewConfig } from '@cqrs/contract/config.ts';
import type { ReadCounts } from './read-counts.ts';
import type { ReadGate } from './read-gate.ts';
import type { ReadStoreReader } from './read-store-reader.ts';

/** A view with what its two routes need. Counts are the view's own, gates are shared by all views, as Redis is. */
export type ServedView = {
  readonly view: ViewConfig;
  readonly reader: ReadStoreReader;
  readonly documents: { readonly gate: ReadGate; readonly counts: ReadCounts };
  readonly lists: { readonly gate: ReadGate; readonly counts: ReadCounts };
};
