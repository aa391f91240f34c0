import type { TokenRead } from './check-token-read.ts';
import type { SeenDocument } from './check-view.ts';
import type { Difference } from './difference.ts';

/** What readers of all kinds were shown and nobody has checked against Postgres yet. */
export type Shown = {
  readonly documents: readonly SeenDocument[];
  readonly tokenReads: readonly TokenRead[];
};

export type Sightings = {
  readonly document: (seen: SeenDocument) => void;
  readonly tokenRead: (read: TokenRead) => void;
  /** For what needs no store to be known as wrong; the first one counts. */
  readonly difference: (difference: Difference) => void;
  readonly firstDifference: () => Difference | null;
  /** What was shown since the last taking. */
  readonly take: () => Shown;
  /** For a check that could not look into the stores: the next one takes it. */
  readonly giveBack: (shown: Shown) => void;
};

export function createSightings(): Sightings {
  let documents: SeenDocument[] = [];
  let tokenReads: TokenRead[] = [];
  let first: Difference | null = null;
  return {
    document: (seen) => void documents.push(seen),
    tokenRead: (read) => void tokenReads.push(read),
    difference: (difference) => void (first ??= difference),
    firstDifference: () => first,
    take: () => {
      const shown = { documents, tokenReads };
      documents = [];
      tokenReads = [];
      return shown;
    },
    giveBack: (shown) => {
      documents = [...shown.documents, ...documents];
      tokenReads = [...shown.tokenReads, ...tokenReads];
    },
  };
}
