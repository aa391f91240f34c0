import { describe, expect, it } from 'vitest';
import { idProblem, newId } from './identifiers.ts';

describe('idProblem', () => {
  it.each(['a', 'A-b_c~d.9', '...', 'x'.repeat(128)])('accepts %s', (id) => {
    expect(idProblem(id)).toBeUndefined();
  });
  it.each(['', '.', '..', 'a b', 'a/b', 'é', 'x'.repeat(129), 'a\n'])('refuses %j', (id) => {
    expect(idProblem(id)).toMatch(/An id/);
  });
});

it('makes ids that differ, are of version 7 and sort by the millisecond', () => {
  const ids = Array.from({ length: 1_000 }, newId);
  expect(new Set(ids).size).toBe(1_000);
  expect(
    ids.filter(
      (id) => !/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id),
    ),
  ).toEqual([]);
  const times = ids.map((id) => id.slice(0, 13));
  expect(times).toEqual(times.toSorted());
});
