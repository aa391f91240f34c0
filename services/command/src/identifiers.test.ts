import { describe, expect, it } from 'vitest';
import { idProblem, newId, wellFormedTraceparent } from './identifiers.ts';

describe('idProblem', () => {
  it.each(['a', 'A-b_c~d.9', '...', 'x'.repeat(128)])('accepts %s', (id) => {
    expect(idProblem(id)).toBeUndefined();
  });
  it.each(['', '.', '..', 'a b', 'a/b', 'é', 'x'.repeat(129), 'a\n'])('refuses %j', (id) => {
    expect(idProblem(id)).toMatch(/An id/);
  });
});

describe('wellFormedTraceparent', () => {
  const good = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  it('keeps a good one', () => {
    expect(wellFormedTraceparent(good)).toBe(good);
  });
  it.each([
    undefined,
    '',
    good.toUpperCase(),
    `ff${good.slice(2)}`,
    good.replace('0af7651916cd43dd8448eb211c80319c', '0'.repeat(32)),
    good.replace('b7ad6b7169203331', '0'.repeat(16)),
    `${good}-x`,
  ])('drops %s', (header) => {
    expect(wellFormedTraceparent(header)).toBeNull();
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
