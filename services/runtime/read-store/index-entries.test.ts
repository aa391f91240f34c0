import { expect, test } from 'vitest';
import { indexEntries, indexSuffix, indexValue, planIndexes } from './index-entries.ts';

const indexes = planIndexes([
  { by: ['customerId'], order: [] },
  { by: [], order: ['-total'] },
  { by: ['customerId', 'status'], order: [] },
]);

test.each([
  ['c1', 'c1'],
  [7, '7'],
  [true, 'true'],
  [null, ''],
  [undefined, ''],
  [{}, null],
  [[], null],
])('%j is asked for as %j', (value, asked) => {
  expect(indexValue(value)).toBe(asked);
});

test('a document stands in one list of every index', () => {
  const entries = indexEntries(indexes, { customerId: 7, status: 'a"b' }, 'o1');
  expect(entries.filter((_, place) => place % 2 === 0)).toEqual([
    '0:["7"]',
    '1:[]',
    '2:["7","a\\"b"]',
  ]);
  expect(entries.every((entry, place) => place % 2 === 0 || entry.endsWith('\0o1'))).toBe(true);
});

test('a field that holds an object keeps the document out of the indexes by that field', () => {
  const entries = indexEntries(indexes, { customerId: ['c1'], status: 'x' }, 'o1');
  expect(entries.map((entry) => entry.slice(0, 4))).toEqual(['1:[]', expect.any(String)]);
});

test('different values never share a list, and long ones make no long key', () => {
  expect(indexSuffix(0, ['a,b'])).not.toBe(indexSuffix(0, ['a', 'b']));
  const long = indexSuffix(0, ['x'.repeat(1000)]);
  expect(long.length).toBeLessThan(100);
  expect(long).not.toBe(indexSuffix(0, [`${'x'.repeat(999)}y`]));
});

test('an index by a field named constructor reads the state and never what every object inherits', () => {
  const byInherited = planIndexes([{ by: ['constructor'], order: ['valueOf'] }]);
  const bare = indexEntries(byInherited, {}, 'o1');
  expect(bare[0]).toBe('0:[""]');
  expect(bare).toEqual(indexEntries(byInherited, { constructor: null, valueOf: null }, 'o1'));
  expect(indexEntries(byInherited, { constructor: 'Ada' }, 'o1')[0]).toBe('0:["Ada"]');
});
