import { createRandom, seedFor, type Random } from '../faults/random.ts';
import type { Curve } from './curve.ts';

export type Noise = {
  /** `none` lets reads come evenly, `poisson` by chance. */
  readonly noise: 'none' | 'poisson';
  /** Reads that one client sends at one moment to one pod; with `none` reads come singly. */
  readonly clumpReads: number;
  readonly seed: number;
};

export type Load = {
  /** What the curve says, in reads per second. */
  rateAt(atMs: number): number;
  /** How many reads one of so many pods is asked in the time that ends now; a fraction where reads come evenly. */
  readsOfOne(rate: number, pods: number, ms: number): number;
};

/** Plays a curve: reads are spread evenly over the ready pods, as a Service spreads connections. */
export function createLoad(curve: Curve, { noise, clumpReads, seed }: Noise): Load {
  const random = createRandom(seedFor(seed, 'reads'));
  let place = 0;
  return {
    rateAt(atMs) {
      if ((curve[place]?.atMs ?? 0) > atMs) place = 0;
      while ((curve[place + 1]?.atMs ?? Infinity) <= atMs) place += 1;
      return curve[place]?.readsPerSecond ?? 0;
    },
    readsOfOne(rate, pods, ms) {
      const mean = (rate * ms) / 1000 / pods;
      return noise === 'none' ? mean : clumpReads * poisson(random, mean / clumpReads);
    },
  };
}

const meanMax = 30;

/** A Poisson count by multiplying chances (Knuth, The Art of Computer Programming 2, 3.4.1); a large mean is split. */
function poisson(random: Random, mean: number): number {
  let count = 0;
  for (let left = mean; left > 0; left -= meanMax) {
    const limit = Math.exp(-Math.min(left, meanMax));
    for (let product = random.next(); product > limit; product *= random.next()) count += 1;
  }
  return count;
}
