import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCurve, type Curve } from './curve.ts';
import type { Autoscaling } from './options.ts';
import { replay, type Frame, type Settings } from './replay.ts';
import { readService } from './service.ts';
import { summarize, type Summary } from './summary.ts';

const even = {
  startMs: 2000,
  noise: 'none',
  clumpReads: 1,
  seed: 1,
  floorSeen: 'at-once',
} as const;

type Played = { readonly frames: readonly Frame[]; readonly summary: Summary };

function play(
  curve: Curve,
  autoscaling: Autoscaling,
  settings: Partial<Omit<Settings, 'service'>> = {},
): Played {
  const read = readService(undefined, autoscaling);
  if (!read.ok) throw new Error(read.problem);
  const frames = replay(curve, { ...even, ...settings, service: read.service });
  return { frames, summary: summarize(curve, frames, read.service.spec.query.autoscaling) };
}

/** A rate for each of some stretches of the same length. */
const stretches = (seconds: number, rates: readonly number[]): Curve =>
  [...rates, 0].map((readsPerSecond, place) => ({ atMs: place * seconds * 1000, readsPerSecond }));
const steady = (seconds: number, rate: number): Curve => stretches(seconds, [rate]);

function example(name: string): Curve {
  const parsed = parseCurve(readFileSync(new URL(`curves/${name}.csv`, import.meta.url), 'utf8'));
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  return parsed.curve;
}

describe('a step from one pod to eight times that', () => {
  const target = fc.integer({ min: 100, max: 1000 });
  const used = fc.double({ min: 0.75, max: 1, noNaN: true });

  test('raises the floor within half a second, and never to more than the step needs', () => {
    fc.assert(
      fc.property(
        target,
        used,
        fc.integer({ min: 0, max: 1000 }),
        fc.boolean(),
        (readsPerSecond, share, phaseMs, isEven) => {
          const stepMs = 10_000 + phaseMs;
          const rate = readsPerSecond * share;
          const rates = [rate, rate * 8, 0];
          const curve = [0, stepMs, stepMs + 6_000].map((atMs, place) => ({
            atMs,
            readsPerSecond: rates[place] ?? 0,
          }));
          const noise = isEven ? 'none' : 'poisson';
          const { frames } = play(curve, { readsPerSecond }, { noise, seed: phaseMs });
          const raised = frames.find(({ floor }) => floor > 1);
          expect(raised?.atMs).toBeGreaterThanOrEqual(stepMs);
          expect(raised?.atMs).toBeLessThanOrEqual(stepMs + 500);
          const pods = (share * 8) / 1.1;
          const most = Math.max(...frames.map(({ floor }) => floor));
          // Chance may move it by a pod or two; twice as many were once asked for when new pods came.
          const chancePods = isEven ? 0.05 : 2;
          expect(most).toBeGreaterThanOrEqual(Math.ceil(pods - chancePods));
          expect(most).toBeLessThanOrEqual(Math.ceil(pods + chancePods));
        },
      ),
      { seed: 6, numRuns: 12 },
    );
  });

  test('has all its pods Ready when they started', () => {
    const { summary } = play(example('step'), {});
    expect(summary.reactions).toHaveLength(1);
    const { scaledMs = Infinity, enoughMs, readyMs } = summary.reactions[0] ?? {};
    expect(scaledMs).toBeLessThanOrEqual(700);
    expect(enoughMs).toBe(scaledMs);
    expect(readyMs).toBe(scaledMs + even.startMs);
  });

  test('waits for the next look of an HPA that does not act on its floor', () => {
    const { summary } = play(example('step'), {}, { floorSeen: 'next-look' });
    expect(summary.reactions[0]?.scaledMs).toBe(7_500);
  });
});

describe('replicas do not flap', () => {
  const scaleDownSeconds = 30;
  const seed = fc.integer({ min: 1, max: 1_000_000 });

  test('under reads that come by chance and on average stay the same', () => {
    // Nearly all that the pods are for, where noise weighs most.
    const load = fc.record({
      readsPerSecond: fc.integer({ min: 20, max: 120 }),
      pods: fc.integer({ min: 1, max: 2 }),
      share: fc.double({ min: 0.9, max: 0.98, noNaN: true }),
      seed,
    });
    fc.assert(
      fc.property(load, ({ readsPerSecond, pods, share, ...by }) => {
        const curve = steady(600, readsPerSecond * pods * share);
        const chance = { noise: 'poisson', seed: by.seed } as const;
        const { summary } = play(curve, { readsPerSecond, scaleDownSeconds }, chance);
        expect(summary.flaps).toBe(0);
        expect(summary.directionChanges).toBeLessThanOrEqual(1);
      }),
      { seed: 6, numRuns: 8 },
    );
  });

  const sawTooth = Array.from({ length: 36 }, (_, place) => 80 + (place % 12) * 40);
  const day = Array.from(
    { length: 40 },
    (_, place) => 250 - 200 * Math.cos((place / 10) * Math.PI),
  );
  test.each([
    ['clumps of 12 reads', steady(300, 95), 12],
    ['clumps of 40 reads', steady(300, 150), 40],
    ['a saw-tooth', stretches(10, sawTooth), 1],
    ['a short saw-tooth', stretches(3, [...sawTooth, ...sawTooth]), 1],
    ['two days', stretches(12, day), 1],
  ])('sooner than they may shrink: %s', (_, curve, clumpReads) => {
    fc.assert(
      fc.property(seed, fc.constantFrom(15, 30, 60), (drawn, seconds) => {
        const chance = { noise: 'poisson', clumpReads, seed: drawn } as const;
        const settings = { readsPerSecond: 100, maxReplicas: 8, scaleDownSeconds: seconds };
        expect(play(curve, settings, chance).summary.flaps).toBe(0);
      }),
      { seed: 6, numRuns: 2 },
    );
  });

  test('over two days: they grow and shrink once a day', () => {
    const settings = { readsPerSecond: 100, scaleDownSeconds };
    const { summary } = play(stretches(15, day), settings, { noise: 'poisson' });
    expect(summary.directionChanges).toBe(3);
  });
});

test('zero load never raises anything', () => {
  const { frames, summary } = play(example('zero'), {}, { noise: 'poisson' });
  expect(new Set(frames.map(({ floor, wanted, ready }) => `${floor} ${wanted} ${ready}`))).toEqual(
    new Set(['1 1 1']),
  );
  expect(summary).toMatchObject({ reactions: [], asked: 0, unserved: 0, directionChanges: 0 });
});

const told = (seed: number): readonly unknown[] =>
  play(steady(20, 300), {}, { noise: 'poisson', seed }).frames.map((frame) => frame.told);

test('the same seed gives the same replay, another seed another', () => {
  expect(told(1)).toEqual(told(1));
  expect(told(1)).not.toEqual(told(2));
});

test('an operator that finds more load than pods takes what there may be', () => {
  const { frames } = play(steady(5, 5000), { readsPerSecond: 100, maxReplicas: 4 });
  expect(frames.at(-1)).toMatchObject({ wanted: 4, ready: 4 });
});
