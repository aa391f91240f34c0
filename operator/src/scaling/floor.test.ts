import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstFloor, floorReplicas, nextFloor, type Floor, type ReadScaling } from './floor.ts';
import type { ReadRates } from './rate-window.ts';

const nowMs = 1_000_000;
const scaling: ReadScaling = {
  readsPerSecond: 100,
  minReplicas: 1,
  maxReplicas: 20,
  scaleDownMs: 60_000,
  replicas: 1,
  metric: 'reads',
};
const none = firstFloor(1, scaling, nowMs - 600_000);

const steady = (rate: number): ReadRates => ({
  burst: rate,
  fast: rate,
  stable: rate,
  sustained: rate,
  atMs: nowMs,
});
/** A quarter of a second after the reads went from one rate to another. */
const risen = (from: number, to: number): ReadRates => ({
  ...steady(from),
  burst: from + (to - from) / 4,
  fast: from + (to - from) / 8,
  sustained: to,
});

const replicasAfter = (rates: ReadRates, changes: Partial<ReadScaling> = {}): number => {
  const present = { ...scaling, ...changes };
  return floorReplicas(nextFloor(none, present, rates, nowMs), present);
};

describe('a burst', () => {
  it('raises the floor at once to what it needs', () => {
    expect(replicasAfter(risen(100, 800))).toBe(8);
  });

  it.each([
    ['less than twice what the pods are for is the work of the HPA', steady(190), {}],
    ['the pods that there are count', risen(100, 800), { replicas: 5 }],
    ['a few reads may come together by chance', steady(18), { readsPerSecond: 5 }],
  ])('is none: %s', (_, rates, changes) => {
    expect(replicasAfter(rates, changes)).toBe(1);
  });

  it('is sized by what lasts: reads that came at one moment count once', () => {
    // 400 reads at one moment: the second's rate is 400, and only one of the last two samples shows them.
    expect(replicasAfter({ ...steady(100), burst: 400, sustained: 100 })).toBe(4);
  });

  it('is no matter where the HPA knows nothing of reads: the floor follows all of them', () => {
    const rates = { ...steady(100), fast: 180, stable: 170 };
    expect(replicasAfter(rates, { metric: 'cpu' })).toBe(2);
    expect(replicasAfter(rates)).toBe(1);
    expect(replicasAfter(steady(105), { metric: 'cpu' })).toBe(1);
  });

  it('leaves nothing above a maximum that was lowered since', () => {
    const raised = nextFloor(none, scaling, risen(100, 800), nowMs);
    const bounded = nextFloor(raised, { ...scaling, maxReplicas: 1 }, steady(90), nowMs + 20_000);
    expect(floorReplicas(bounded, scaling)).toBe(1);
  });

  it('that still comes in raises the floor again for less', () => {
    const first = nextFloor(none, scaling, risen(100, 800), nowMs);
    const more = steady(1100);
    expect(nextFloor(first, scaling, more, nowMs + 500).replicas).toBe(10);
    expect(nextFloor(first, scaling, more, nowMs + 5_000).replicas).toBe(8);
  });

  it('that was taken for less at the first look is made up for within its two seconds', () => {
    const first = nextFloor(none, scaling, { ...risen(90, 640), burst: 300 }, nowMs);
    expect(first.replicas).toBe(6);
    expect(nextFloor(first, scaling, steady(720), nowMs + 900).replicas).toBe(7);
    expect(nextFloor(first, scaling, steady(650), nowMs + 900).replicas).toBe(6);
  });
});

/** The floor of each second from a burst on. */
function afterBurst(rateAt: (second: number) => number, seconds: number): readonly number[] {
  let floor: Floor = nextFloor(none, scaling, risen(100, 1600), nowMs);
  const floors: number[] = [];
  for (let second = 1; second <= seconds; second += 1) {
    floor = nextFloor(floor, scaling, steady(rateAt(second)), nowMs + second * 1000);
    floors.push(floorReplicas(floor, scaling));
  }
  return floors;
}

describe('the floor', () => {
  it('stays while it is needed, and then sinks half the way each 15 s', () => {
    const floors = afterBurst((second) => (second <= 100 ? 1600 : 100), 300);
    expect(floors.slice(0, 159)).toEqual(Array.from({ length: 159 }, () => 15));
    const lowered = floors.flatMap((floor, place) =>
      floor < (floors[place - 1] ?? floor) ? [[place + 1, floor]] : [],
    );
    expect(lowered).toEqual([
      [160, 8],
      [175, 4],
      [190, 2],
      [205, 1],
    ]);
  });

  it('does not move under a load that comes and goes within the time that pods are kept', () => {
    const floors = afterBurst((second) => (second % 45 < 15 ? 1600 : 100), 600);
    expect(new Set(floors)).toEqual(new Set([15]));
  });

  it('stays as it is while nothing is known', () => {
    const raised = nextFloor(none, scaling, risen(100, 800), nowMs);
    expect(nextFloor(raised, scaling, undefined, nowMs + 3_600_000)).toEqual(raised);
  });

  it('takes over what an earlier operator gave the HPA, and lets it sink', () => {
    const taken = firstFloor(6, scaling, nowMs);
    expect(floorReplicas(taken, scaling)).toBe(6);
    expect(nextFloor(taken, scaling, steady(0), nowMs + 59_000).replicas).toBe(6);
    expect(nextFloor(taken, scaling, steady(0), nowMs + 61_000).replicas).toBe(3);
  });

  it('follows a spec that asks for fewer at once when no burst holds it', () => {
    const settled = nextFloor(
      firstFloor(5, { ...scaling, minReplicas: 5 }, nowMs),
      scaling,
      steady(0),
      nowMs,
    );
    expect(floorReplicas(settled, { ...scaling, minReplicas: 2 })).toBe(2);
  });

  it('is never outside of what the spec allows, and more reads never lower it', () => {
    const rate = fc.double({ min: 0, max: 1e6, noNaN: true });
    const bounds = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 50 }));
    fc.assert(
      fc.property(
        bounds,
        rate,
        rate,
        fc.integer({ min: 0, max: 1000 }),
        (spec, one, more, held) => {
          const [minReplicas, above] = spec;
          const present = { ...scaling, minReplicas, maxReplicas: minReplicas + above };
          const before = { ...none, replicas: held };
          const [fewer, rather] = [one, one + more].map((reads) =>
            floorReplicas(nextFloor(before, present, steady(reads), nowMs), present),
          );
          expect(fewer).toBeGreaterThanOrEqual(minReplicas);
          expect(rather).toBeLessThanOrEqual(present.maxReplicas);
          expect(rather).toBeGreaterThanOrEqual(fewer ?? 0);
        },
      ),
    );
  });
});
