import { describe, expect, it } from 'vitest';
import {
  demandOf,
  readsPerSecond,
  tellIntervalMsMin,
  worthTelling,
  type ReadDemand,
} from './demand.ts';
import { emptyRateWindow, observe, silentMsMax, type RateWindow } from './rate-window.ts';

const startMs = 1_000_000;
const ready = new Set(['a']);

/** One pod sampled twice a second whose rate is the given one in each of the given seconds. */
function readsEachSecond(rates: readonly number[]): { window: RateWindow; endMs: number } {
  let window = observe(emptyRateWindow, { pod: 'a', bootId: '1', reads: 0, atMs: startMs });
  let reads = 0;
  let atMs = startMs;
  for (const rate of rates.flatMap((perSecond) => [perSecond / 2, perSecond / 2])) {
    reads += rate;
    atMs += 500;
    window = observe(window, { pod: 'a', bootId: '1', reads, atMs });
  }
  return { window, endMs: atMs };
}

const seconds = (count: number, rate: number): number[] =>
  Array.from({ length: count }, () => rate);

function valueAfter(rates: readonly number[]): number {
  const { window, endMs } = readsEachSecond(rates);
  const demand = demandOf(window, ready, endMs);
  if (demand.state !== 'fresh') throw new Error(demand.message);
  return demand.readsPerSecond;
}

const fresh = (rate: number): ReadDemand => ({ state: 'fresh', readsPerSecond: rate, atMs: 0 });

describe('the value the HPA is given', () => {
  it('is the fast window on the way up and the stable one on the way down', () => {
    expect(readsPerSecond({ fast: 900, stable: 100 })).toBe(900);
    expect(readsPerSecond({ fast: 0, stable: 100 })).toBe(100);
  });

  it.each([
    ['few reads that came together by chance are no rise', { fast: 9, stable: 5 }, 5],
    ['as many more of many reads are one', { fast: 900, stable: 500 }, 900],
    ['what chance may make of many reads is none', { fast: 530, stable: 500 }, 500],
  ])('%s', (_, rates, expected) => {
    expect(readsPerSecond(rates)).toBe(expected);
  });

  it('rises with a step within two seconds and is gone half a minute after the load', () => {
    expect(valueAfter([...seconds(60, 0), ...seconds(2, 800)])).toBeCloseTo(800, 6);
    expect(valueAfter([...seconds(60, 0), ...seconds(3, 800), ...seconds(5, 0)])).toBeCloseTo(
      80,
      6,
    );
    expect(valueAfter([...seconds(60, 800), ...seconds(30, 0)])).toBe(0);
  });
});

describe('demand without a number', () => {
  it('says how many pods are heard', () => {
    const { window, endMs } = readsEachSecond(seconds(5, 10));
    expect(demandOf(window, ready, endMs + silentMsMax + 1)).toEqual({
      state: 'stale',
      message: 'Only 0 of 1 ready query pods told their reads in the last 3 s',
    });
    expect(demandOf(window, new Set(), endMs)).toEqual({
      state: 'stale',
      message: 'No query pod is ready, so nobody counts reads',
    });
  });

  it('says that it is too early', () => {
    expect(demandOf(readsEachSecond([]).window, ready, startMs)).toEqual({
      state: 'stale',
      message: 'Reads are counted since less than a second ago',
    });
  });
});

describe('a status is told', () => {
  const stale: ReadDemand = { state: 'stale', message: 'silent' };
  const laterMs = startMs + tellIntervalMsMin;
  const tells = (told: ReadDemand, demand: ReadDemand, atMs = laterMs): boolean =>
    worthTelling({ demand: told, atMs: startMs }, demand, atMs);

  it('the first number, but not that there is none yet', () => {
    expect(worthTelling(undefined, fresh(0), startMs)).toBe(true);
    expect(worthTelling(undefined, stale, startMs)).toBe(false);
  });

  it('a change of more than a tenth, or the loss and return of the number', () => {
    expect(tells(fresh(100), fresh(111))).toBe(true);
    expect(tells(fresh(100), fresh(89))).toBe(true);
    expect(tells(fresh(0), fresh(1))).toBe(true);
    expect(tells(fresh(100), stale)).toBe(true);
    expect(tells(stale, fresh(100))).toBe(true);
  });

  it('nothing when what it shows would stay as it is', () => {
    expect(tells(fresh(100), fresh(110))).toBe(false);
    expect(tells(fresh(0), fresh(0.4))).toBe(false);
    expect(tells(stale, stale)).toBe(false);
  });

  it('nothing so soon after the last time', () => {
    expect(tells(fresh(100), fresh(1_000), laterMs - 1)).toBe(false);
  });
});
