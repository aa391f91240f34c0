import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Watermark } from './watermark.ts';

function transaction(watermark: Watermark, events: number, endLsn: bigint): void {
  watermark.begin();
  for (let n = 0; n < events; n += 1) watermark.event();
  watermark.commit(endLsn);
}

describe('watermark', () => {
  it('stays before a transaction until its last event is acknowledged', () => {
    const watermark = new Watermark(10n);
    transaction(watermark, 3, 20n);
    watermark.acknowledge(2);
    expect(watermark.value).toBe(10n);
    watermark.acknowledge(1);
    expect(watermark.value).toBe(20n);
  });

  it('does not pass a transaction whose events are all acknowledged before its commit came', () => {
    const watermark = new Watermark(10n);
    watermark.begin();
    watermark.event();
    watermark.acknowledge(1);
    watermark.serverReached(30n);
    expect(watermark.value).toBe(10n);
    watermark.commit(20n);
    expect(watermark.value).toBe(20n);
  });

  it('takes the end of an idle server, and only of an idle one', () => {
    const watermark = new Watermark(10n);
    transaction(watermark, 1, 20n);
    watermark.serverReached(50n);
    expect(watermark.value).toBe(10n);
    watermark.acknowledge(1);
    watermark.serverReached(50n);
    expect(watermark.value).toBe(50n);
    watermark.serverReached(40n);
    expect(watermark.value).toBe(50n);
  });

  it('refuses an acknowledgement of what it has not seen', () => {
    expect(() => new Watermark(0n).acknowledge(1)).toThrow(RangeError);
  });

  type Step = { readonly events: number } | { readonly acknowledge: number } | 'idle';
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: fc.record({ events: fc.nat(3) }) },
    { weight: 5, arbitrary: fc.record({ acknowledge: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.constant<Step>('idle') },
  );

  it('is always the end of the longest prefix of transactions that is acknowledged', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const watermark = new Watermark(0n);
        // The model keeps everything and searches; the watermark may keep only what is open.
        const ends: { lsn: bigint; events: number }[] = [];
        let [seen, acknowledged, lsn, expected] = [0, 0, 0n, 0n];
        for (const next of steps) {
          if (next === 'idle') {
            watermark.serverReached(lsn);
            if (seen === acknowledged) expected = lsn;
          } else if ('events' in next) {
            lsn += 10n;
            transaction(watermark, next.events, lsn);
            seen += next.events;
            ends.push({ lsn, events: seen });
          } else {
            const count = Math.min(next.acknowledge, seen - acknowledged);
            acknowledged += count;
            watermark.acknowledge(count);
          }
          const last = ends.findLast(({ events }) => events <= acknowledged)?.lsn ?? 0n;
          expected = last > expected ? last : expected;
          expect(watermark.value).toBe(expected);
          expect(watermark.inFlight).toBe(seen - acknowledged);
        }
      }),
    );
  });
});
