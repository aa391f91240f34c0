import { expect, it } from 'vitest';
import { parseCopyRow } from './copy-row.ts';

/** Captured from PostgreSQL 15.18: `copy (select id::text, version::text, traceparent::text …) to stdout (format binary)`. */
const first =
  '5047434f50590aff0d0a00000000000000000000030000002430313839306135642d616339362d373734622d626363652d6233303230393961383035370000000131ffffffff';
const row = first.slice(38);

const parse = (hex: string) =>
  parseCopyRow(Buffer.from(hex, 'hex'))?.map((value) => value?.toString('utf8') ?? null);

it('reads rows with and without the header, and its end', () => {
  const expected = ['01890a5d-ac96-774b-bcce-b302099a8057', '1', null];
  expect(parse(first)).toEqual(expected);
  expect(parse(row)).toEqual(expected);
  expect(parse('ffff')).toBeUndefined();
  expect(parse(first.slice(0, 38))).toBeUndefined();
});

it.each(['00', row.slice(0, -10), '000100000009'])('refuses %s', (hex) => {
  expect(() => parse(hex)).toThrow(expect.objectContaining({ code: 'CQRS_PGOUTPUT_MALFORMED' }));
});
