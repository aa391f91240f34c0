import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { partitionOf, runsInTime } from './record-publisher.ts';

/** What Kafka's Java client gives (Utils.murmur2 in its own tests), here by 12 partitions. */
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('puts "%s" where the Java client puts it', (key, murmur2) => {
  expect(partitionOf(Buffer.from(key), 12)).toBe((murmur2 & 0x7fffffff) % 12);
});

test('cuts a batch where its times lie further apart than the client can write', () => {
  const spanMax = 2 ** 31 - 1;
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 2 ** 33 }), { maxLength: 50 }), (times) => {
      const batch = times.map((timestampMs) => ({
        topic: 't',
        key: null,
        value: null,
        headers: {},
        timestampMs,
      }));
      const runs = runsInTime(batch);
      expect(runs.flat()).toEqual(batch);
      const spans = runs.map((run) => {
        const own = run.map(({ timestampMs }) => timestampMs);
        return Math.max(...own) - Math.min(...own);
      });
      expect(spans.every((span) => span <= spanMax)).toBe(true);
      // No more runs than needed: the first of a run is too far from one of the run before it.
      runs.slice(1).forEach(([first], place) => {
        const own = (runs[place] ?? []).map(({ timestampMs }) => timestampMs);
        const at = first?.timestampMs ?? 0;
        expect(Math.max(at, ...own) - Math.min(at, ...own)).toBeGreaterThan(spanMax);
      });
    }),
  );
});
