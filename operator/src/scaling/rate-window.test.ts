import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  emptyRateWindow,
  followReady,
  observe,
  observedMsMin,
  prune,
  ratesOf,
  rateWindowMs,
  silentMsMax,
  type RatesOutcome,
  type RateWindow,
  type ReadRates,
  type ReadSample,
} from './rate-window.ts';

const startMs = 1_000_000;

function observeAll(samples: readonly ReadSample[], window = emptyRateWindow): RateWindow {
  return samples.reduce(observe, window);
}

/** Samples of a pod whose counter grows by `perSecond`, every `everyMs` in [fromMs, toMs], counted from `base`. */
function steady(
  pod: string,
  perSecond: number,
  span: { fromMs: number; toMs: number; everyMs?: number; base?: number; bootId?: string },
): ReadSample[] {
  const { fromMs, toMs, everyMs = 500, base = 0, bootId = 'boot-1' } = span;
  const samples: ReadSample[] = [];
  for (let atMs = fromMs; atMs <= toMs; atMs += everyMs) {
    samples.push({ pod, bootId, reads: base + (perSecond * (atMs - fromMs)) / 1000, atMs });
  }
  return samples;
}

const byTime = (samples: ReadSample[]): ReadSample[] => samples.toSorted((a, b) => a.atMs - b.atMs);

function expectRates(outcome: RatesOutcome): ReadRates {
  if (outcome.outcome !== 'rates') throw new Error(`no rates but ${outcome.outcome}`);
  return outcome.rates;
}

describe('rates of steady load', () => {
  it('are the sum over pods, however each was sampled', () => {
    const toMs = startMs + 60_000;
    const window = observeAll(
      byTime([
        ...steady('a', 300, { fromMs: startMs, toMs }),
        ...steady('b', 200, { fromMs: startMs, toMs, everyMs: 730, base: 5_000 }),
      ]),
    );
    const rates = expectRates(ratesOf(window, new Set(['a', 'b']), toMs));
    expect(rates.fast).toBeCloseTo(500, 6);
    expect(rates.stable).toBeCloseTo(500, 6);
  });

  it('stay the same while the load moves from one pod to another', () => {
    const handoverMs = startMs + 20_000;
    const toMs = handoverMs + 10_000;
    const window = observeAll(
      byTime([
        ...steady('old', 400, { fromMs: startMs, toMs: handoverMs }),
        ...steady('new', 400, { fromMs: handoverMs, toMs }),
      ]),
    );
    const rates = expectRates(ratesOf(window, new Set(['new']), toMs));
    expect(rates.fast).toBeCloseTo(400, 6);
    expect(rates.stable).toBeCloseTo(400, 6);
  });

  it('count a container restart by what the new process served', () => {
    const restartMs = startMs + 31_000;
    const toMs = restartMs + 2_000;
    const window = observeAll([
      ...steady('a', 100, { fromMs: startMs, toMs: restartMs }),
      ...steady('a', 100, {
        fromMs: restartMs + 500,
        toMs,
        base: 50,
        bootId: 'boot-2',
      }),
    ]);
    const rates = expectRates(ratesOf(window, new Set(['a']), toMs));
    expect(rates.fast).toBeCloseTo(100, 6);
    expect(rates.stable).toBeCloseTo(100, 6);
  });
});

const stepMs = startMs + 40_000;
const before = steady('a', 100, { fromMs: startMs, toMs: stepMs });
const counted = before.at(-1)?.reads ?? 0;

function ratesAfterTheEnd(afterMs: number): ReadRates {
  const toMs = stepMs + afterMs;
  const after = steady('a', 0, { fromMs: stepMs, toMs, base: counted });
  return expectRates(ratesOf(observeAll([...before, ...after]), new Set(['a']), toMs));
}

describe('a step of the load', () => {
  it('shows whole in the fast window after two seconds, while the stable one follows', () => {
    const toMs = stepMs + rateWindowMs.fast;
    const after = steady('a', 1_000, { fromMs: stepMs, toMs, base: counted });
    const rates = expectRates(ratesOf(observeAll([...before, ...after]), new Set(['a']), toMs));
    expect(rates.fast).toBeCloseTo(1_000, 6);
    expect(rates.stable).toBeCloseTo((28 * 100 + 2 * 1_000) / 30, 6);
  });

  it('leaves the fast window two seconds after it ended and the stable one after thirty', () => {
    expect(ratesAfterTheEnd(rateWindowMs.fast).fast).toBe(0);
    expect(ratesAfterTheEnd(15_000).stable).toBeCloseTo(50, 6);
    expect(ratesAfterTheEnd(rateWindowMs.stable).stable).toBe(0);
  });
});

/** What is sustained after a steady load and then the given samples, as counted from its end. */
function sustainedAfter(samples: readonly (readonly [atMs: number, reads: number])[]): number {
  const later = samples.map(([atMs, reads]) => ({
    pod: 'a',
    bootId: 'boot-1',
    reads: counted + reads,
    atMs: stepMs + atMs,
  }));
  const nowMs = later.at(-1)?.atMs ?? stepMs;
  return expectRates(ratesOf(observeAll([...before, ...later]), new Set(['a']), nowMs)).sustained;
}

describe('what is sustained', () => {
  it('is a step as soon as two samples show it whole', () => {
    expect(sustainedAfter([[50, 40]])).toBeCloseTo(100, 6);
    expect(
      sustainedAfter([
        [50, 40],
        [100, 80],
      ]),
    ).toBeCloseTo(800, 6);
  });

  it('is not what came at one moment', () => {
    expect(
      sustainedAfter([
        [50, 5],
        [100, 405],
        [150, 410],
      ]),
    ).toBeCloseTo(100, 6);
  });

  it('is nothing yet of a pod that was sampled once', () => {
    const once = { pod: 'b', bootId: 'boot-1', reads: 500, atMs: stepMs };
    const ready = new Set(['a', 'b']);
    const rates = expectRates(ratesOf(observeAll([...before, once]), ready, stepMs));
    expect(rates.sustained).toBeCloseTo(100, 6);
  });
});

describe('what cannot be told', () => {
  const toMs = startMs + 10_000;
  const window = observeAll(steady('a', 100, { fromMs: startMs, toMs }));

  it('is anything before the first second', () => {
    const young = observeAll(steady('a', 100, { fromMs: startMs, toMs: startMs + 500 }));
    expect(ratesOf(young, new Set(['a']), startMs + 500)).toEqual({ outcome: 'too early' });
    const old = observeAll(steady('a', 100, { fromMs: startMs, toMs: startMs + observedMsMin }));
    expect(expectRates(ratesOf(old, new Set(['a']), startMs + observedMsMin)).fast).toBeCloseTo(
      100,
    );
  });

  it('is the rate of pods that went silent', () => {
    expect(ratesOf(window, new Set(['a']), toMs + silentMsMax).outcome).toBe('rates');
    expect(ratesOf(window, new Set(['a']), toMs + silentMsMax + 1)).toEqual({
      outcome: 'silent',
      ready: 1,
      heard: 0,
    });
  });

  it('is the rate of no pods', () => {
    expect(ratesOf(window, new Set(), toMs)).toEqual({ outcome: 'silent', ready: 0, heard: 0 });
  });

  it('is the rate when fewer than half of the pods are heard; one silent pod counts as their mean', () => {
    expect(expectRates(ratesOf(window, new Set(['a', 'b']), toMs)).fast).toBeCloseTo(200, 6);
    expect(ratesOf(window, new Set(['a', 'b', 'c']), toMs)).toEqual({
      outcome: 'silent',
      ready: 3,
      heard: 1,
    });
  });
});

describe('samples that make no sense', () => {
  it('are dropped when they are not newer than the last', () => {
    const toMs = startMs + 5_000;
    const window = observeAll(steady('a', 100, { fromMs: startMs, toMs }));
    expect(observe(window, { pod: 'a', bootId: 'boot-1', reads: 9e9, atMs: toMs })).toBe(window);
    expect(observe(window, { pod: 'a', bootId: 'boot-1', reads: 9e9, atMs: 0 })).toBe(window);
  });

  it('only give a new base when a counter falls within one process', () => {
    const toMs = startMs + 30_000;
    const window = observeAll([
      ...steady('a', 100, { fromMs: startMs, toMs, base: 1_000_000 }),
      { pod: 'a', bootId: 'boot-1', reads: 900_000, atMs: toMs + 500 },
      { pod: 'a', bootId: 'boot-1', reads: 900_050, atMs: toMs + 1_000 },
    ]);
    const rates = expectRates(ratesOf(window, new Set(['a']), toMs + 1_000));
    expect(rates.fast).toBeCloseTo((100 * 1 + 0 + 50) / 2, 6);
  });
});

describe('what is kept', () => {
  it('forgets pods that left a stable window ago, and not before', () => {
    const window = observeAll(steady('a', 1, { fromMs: startMs, toMs: startMs + 1_000 }));
    const forgottenMs = startMs + 1_000 + rateWindowMs.stable;
    expect(prune(window, new Set(), forgottenMs - 1)).toBe(window);
    expect(prune(window, new Set(), forgottenMs).pods.size).toBe(0);
    expect(prune(window, new Set(['a']), forgottenMs).pods.size).toBe(1);
  });

  it('is bounded, however often a pod is sampled', () => {
    const toMs = startMs + 120_000;
    const window = observeAll(steady('a', 100, { fromMs: startMs, toMs, everyMs: 7 }));
    expect(window.pods.get('a')?.steps.length).toBeLessThanOrEqual(152);
    expect(expectRates(ratesOf(window, new Set(['a']), toMs)).stable).toBeCloseTo(100, 6);
  });
});

/** A random life of up to three pods: pauses, restarts, counters of any growth, samples in any clock order. */
const lifeOfPods = fc.array(
  fc.record({
    pod: fc.constantFrom('a', 'b', 'c'),
    pauseMs: fc.integer({ min: -300, max: 4_000 }),
    grows: fc.integer({ min: 0, max: 5_000 }),
    restarts: fc.boolean(),
  }),
  { maxLength: 120 },
);

type Life = { samples: ReadSample[]; endMs: number; readsByPod: ReadonlyMap<string, number> };

function live(
  steps: readonly { pod: string; pauseMs: number; grows: number; restarts: boolean }[],
): Life {
  const counters = new Map<string, { boot: number; reads: number }>();
  const readsByPod = new Map<string, number>();
  const samples: ReadSample[] = [];
  let atMs = startMs;
  for (const { pod, pauseMs, grows, restarts } of steps) {
    atMs += pauseMs;
    const counter = counters.get(pod) ?? { boot: 0, reads: 0 };
    const next = restarts
      ? { boot: counter.boot + 1, reads: grows }
      : { boot: counter.boot, reads: counter.reads + grows };
    counters.set(pod, next);
    readsByPod.set(pod, (readsByPod.get(pod) ?? 0) + grows);
    samples.push({ pod, bootId: String(next.boot), reads: next.reads, atMs });
  }
  return { samples, endMs: Math.max(startMs, ...samples.map((sample) => sample.atMs)), readsByPod };
}

describe('properties', () => {
  it('rates are finite, never negative, and never tell of more reads than the pods counted', () => {
    fc.assert(
      fc.property(lifeOfPods, fc.integer({ min: 0, max: silentMsMax }), (steps, laterMs) => {
        const { samples, endMs, readsByPod } = live(steps);
        const window = observeAll(samples);
        const heard = [...window.pods].filter(
          ([, pod]) => endMs + laterMs - pod.atMs <= silentMsMax,
        );
        const ready = new Set(heard.map(([name]) => name));
        const found = ratesOf(window, ready, endMs + laterMs);
        if (found.outcome !== 'rates') return;
        const all = [...readsByPod.values()].reduce((total, reads) => total + reads, 0);
        for (const rate of [found.rates.fast, found.rates.stable]) {
          expect(rate).toBeGreaterThanOrEqual(0);
          expect(rate).toBeLessThanOrEqual((all * 1000) / observedMsMin + 1e-6);
        }
      }),
    );
  });

  it('no read is lost or doubled: what is kept of a pod is what it counted after its first sample', () => {
    const life = fc.array(
      fc.record({
        pauseMs: fc.integer({ min: 1, max: 300 }),
        grows: fc.integer({ min: 0, max: 5_000 }),
        restarts: fc.boolean(),
      }),
      { minLength: 1, maxLength: 90 },
    );
    fc.assert(
      fc.property(life, (steps) => {
        const { samples } = live(steps.map((step) => ({ ...step, pod: 'a' })));
        const kept = observeAll(samples).pods.get('a')?.steps ?? [];
        const grown = steps.slice(1).reduce((total, step) => total + step.grows, 0);
        expect(kept.reduce((total, step) => total + step.reads, 0)).toBe(grown);
        kept.slice(1).forEach((step, i) => expect(step.fromMs).toBe(kept[i]?.toMs));
      }),
    );
  });

  it('pods are independent: the order in which two pods report does not matter', () => {
    fc.assert(
      fc.property(lifeOfPods, (steps) => {
        const { samples, endMs } = live(steps);
        const grouped = samples.toSorted((x, y) => x.pod.localeCompare(y.pod));
        const ready = new Set(samples.map((sample) => sample.pod));
        const inTurn = { ...observeAll(samples), sinceMs: startMs };
        const podByPod = { ...observeAll(grouped), sinceMs: startMs };
        expect(podByPod.pods).toEqual(inTurn.pods);
        const [one, other] = [inTurn, podByPod].map((window) => ratesOf(window, ready, endMs));
        expect(one?.outcome).toBe(other?.outcome);
      }),
    );
  });

  it('a sample that is seen twice counts once', () => {
    fc.assert(
      fc.property(lifeOfPods, (steps) => {
        const { samples } = live(steps);
        const doubled = samples.flatMap((sample) => [sample, sample]);
        expect(observeAll(doubled)).toEqual(observeAll(samples));
      }),
    );
  });
});

describe('pods that just became ready', () => {
  const toMs = startMs + 10_000;
  const old = steady('old', 800, { fromMs: startMs, toMs });
  const all = new Set(['old', 'new-1', 'new-2', 'new-3']);
  const alone = followReady(emptyRateWindow, new Set(['old']), startMs);
  const window = followReady(observeAll(old, alone), all, toMs);

  it('are no reads of their own before they were heard: what there was, was asked of the others', () => {
    expect(expectRates(ratesOf(window, all, toMs)).burst).toBeCloseTo(800, 6);
    const oneHeard = observe(window, { pod: 'new-1', bootId: '1', reads: 0, atMs: toMs + 5 });
    const rates = expectRates(ratesOf(oneHeard, all, toMs + 5));
    expect(rates.burst).toBeCloseTo(800, 6);
    expect(rates.sustained).toBeCloseTo(800, 6);
  });

  it('are no reads of their own when they come back, either: the others show what they gave up', () => {
    const both = new Set(['old', 'back']);
    const leftMs = toMs - 6_000;
    const samples = [
      ...steady('old', 400, { fromMs: startMs, toMs: leftMs }),
      ...steady('back', 400, { fromMs: startMs, toMs: leftMs }),
      ...steady('old', 800, { fromMs: leftMs + 500, toMs, base: 2_000 }),
    ];
    const away = observeAll(byTime(samples), followReady(emptyRateWindow, both, startMs));
    const back = followReady(followReady(away, new Set(['old']), leftMs + 1), both, toMs);
    expect(expectRates(ratesOf(back, both, toMs)).burst).toBeCloseTo(800, 6);
  });

  it('are silent like others when they are not heard for long', () => {
    const later = toMs + silentMsMax + 1;
    const heard = observeAll(
      steady('old', 800, { fromMs: toMs + 500, toMs: later, base: 8_400 }),
      window,
    );
    expect(ratesOf(heard, all, later)).toEqual({ outcome: 'silent', ready: 4, heard: 1 });
  });

  it('count as the mean when they were there before the first was heard', () => {
    const pair = new Set(['old', 'other']);
    const both = observeAll(old, followReady(emptyRateWindow, pair, startMs));
    expect(expectRates(ratesOf(both, pair, toMs)).burst).toBeCloseTo(1600, 6);
  });
});
