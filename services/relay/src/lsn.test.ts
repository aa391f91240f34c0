import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatLsn, parseLsn } from './lsn.ts';

it('reads and writes LSNs as Postgres does', () => {
  expect(parseLsn('16/B374D848')).toBe(0x16_b374_d848n);
  expect(formatLsn(0x16_b374_d848n)).toBe('16/B374D848');
  expect(formatLsn(0n)).toBe('0/0');
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (lsn) => {
      expect(parseLsn(formatLsn(lsn))).toBe(lsn);
    }),
  );
});

it.each(['', '16', '16/', '16/B374D8480', 'x/1'])('refuses %j', (wrong) => {
  expect(() => parseLsn(wrong)).toThrow(RangeError);
});
