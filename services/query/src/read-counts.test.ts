import { expect, test } from 'vitest';
import { countReads, createReadCounts } from './read-counts.ts';

test('what was refused was asked too, and is told apart', () => {
  const counts = { ...createReadCounts(), found: 5, 'not-modified': 2, 'not-found': 1 };
  const refused = { ...createReadCounts(), overloaded: 3, 'store-unavailable': 4 };
  expect(countReads([counts, refused])).toEqual({ served: 8, refused: 7 });
});
