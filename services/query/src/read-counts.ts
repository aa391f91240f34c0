/** What becomes of a read. A request that is refused as malformed asked nothing of the store and is no read. */
export const readOutcomes = [
  'found',
  'not-modified',
  'not-found',
  'overloaded',
  'store-unavailable',
  'view-building',
  'view-halted',
  'event-dead-lettered',
  'consistency-timeout',
] as const;
type ReadOutcome = (typeof readOutcomes)[number];

/** The reads that were asked and not answered from the store; they count for scaling like the others. */
const refusals: readonly ReadOutcome[] = [
  'overloaded',
  'store-unavailable',
  'view-building',
  'view-halted',
  'event-dead-lettered',
  'consistency-timeout',
];

/** One view's reads of one kind. Plain numbers, because a read should not pay for looking up labels. */
export type ReadCounts = Record<ReadOutcome, number>;

export function createReadCounts(): ReadCounts {
  return {
    found: 0,
    'not-modified': 0,
    'not-found': 0,
    overloaded: 0,
    'store-unavailable': 0,
    'view-building': 0,
    'view-halted': 0,
    'event-dead-lettered': 0,
    'consistency-timeout': 0,
  };
}

export function countReads(all: readonly ReadCounts[]): {
  readonly served: number;
  readonly refused: number;
} {
  let served = 0;
  let refused = 0;
  for (const counts of all) {
    for (const outcome of readOutcomes) {
      if (refusals.includes(outcome)) refused += counts[outcome];
      else served += counts[outcome];
    }
  }
  return { served, refused };
}
