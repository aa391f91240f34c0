import { describe, expect, it, test } from 'vitest';
import { isSampled, wellFormedTraceparent } from './traceparent.ts';

const good = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const wrong = [
  '',
  good.toUpperCase(),
  `ff${good.slice(2)}`,
  good.replace('0af7651916cd43dd8448eb211c80319c', '0'.repeat(32)),
  good.replace('b7ad6b7169203331', '0'.repeat(16)),
  `${good}-x`,
];

describe('wellFormedTraceparent', () => {
  it('keeps a good one', () => {
    expect(wellFormedTraceparent(good)).toBe(good);
  });
  it.each([undefined, ...wrong])('drops %s', (header) => {
    expect(wellFormedTraceparent(header)).toBeNull();
  });
});

const withFlags = (flags: string): string => good.slice(0, -2) + flags;

test('a trace is recorded when the lowest flag says so', () => {
  expect(['01', '03', 'ff'].map(withFlags).every(isSampled)).toBe(true);
  expect(['00', '02', 'fe'].map(withFlags).some(isSampled)).toBe(false);
  expect(wrong.some(isSampled)).toBe(false);
});
