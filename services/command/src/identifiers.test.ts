import { describe, expect, it } from 'vitest';
import { idProblem, wellFormedTraceparent } from './identifiers.ts';

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
