import type { ViewConfig } from '@cqrs/contract/config.ts';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseListRequest, type ListRequest, type QueryParameters } from './list-request.ts';

const view: ViewConfig = {
  name: 'orders',
  sources: [{ topic: 't', aggregate: 'order', gapless: true, role: 'root' }],
  indexes: [
    { by: ['customerId'], order: ['-placedAt'] },
    { by: ['customerId'], order: ['total'] },
    { by: ['status', 'customerId'], order: [] },
  ],
};

function parsed(query: QueryParameters): ListRequest {
  const result = parseListRequest(view, query);
  if (!result.ok) throw new Error(result.detail);
  return result.request;
}

test.each([
  [{ customerId: 'c1' }, '0:["c1"]'],
  [{ customerId: 'c1', order: 'total' }, '1:["c1"]'],
  [{ customerId: 'c1', status: 'paid' }, '2:["paid","c1"]'],
  [{ customerId: '', limit: '500' }, '0:[""]'],
])('%j is read from the index that serves it', (query, indexSuffix) => {
  expect(parsed(query)).toMatchObject({ indexSuffix, after: null });
});

test.each([
  [
    {},
    /without a filter.*offers \/orders\?customerId=…&order=-placedAt and \/orders\?customerId=…&order=total and/,
  ],
  [{ customerId: 'c1', order: '-total' }, /by customerId in the order "-total"/],
  [{ customerId: 'c1', total: '1' }, /by customerId and total/],
  [{ customerId: ['c1', 'c2'] }, /more than once/],
  [{ customerId: 'c1', limit: '1e2' }, /limit is "1e2"/],
  [{ customerId: 'c1', limit: '' }, /limit is ""/],
  [{ customerId: 'c1', after: '' }, /cursor/],
])('%j is refused with what would be right', (query, detail) => {
  expect(parseListRequest(view, query)).toEqual({
    ok: false,
    detail: expect.stringMatching(detail) as string,
  });
});

test('a view without indexes says so', () => {
  expect(parseListRequest({ ...view, indexes: [] }, {})).toMatchObject({
    ok: false,
    detail: expect.stringContaining('has no indexes') as string,
  });
});

test('a cursor brings back the member that it was made from, in its own list only', () => {
  const member = fc
    .tuple(fc.string({ unit: 'grapheme' }), fc.string())
    .map((both) => both.join('\0'));
  fc.assert(
    fc.property(member, (last) => {
      const after = parsed({ customerId: 'c1' }).cursor(last);
      expect(after).toMatch(/^[\w-]+$/);
      expect(parsed({ customerId: 'c1', after }).after).toBe(last);
      for (const other of [{ customerId: 'c2' }, { customerId: 'c1', order: 'total' }]) {
        expect(parseListRequest(view, { ...other, after }).ok).toBe(false);
      }
    }),
  );
});
