/** A source of numbers that a seed determines: the same seed gives the same run of choices on every machine. */
export type Random = {
  /** From 0 up to but without 1. */
  readonly next: () => number;
  /** A whole number from `min` to `max`, both possible. */
  readonly integer: (min: number, max: number) => number;
  readonly pick: <T>(list: readonly T[]) => T;
  /** True with this probability. */
  readonly chance: (probability: number) => boolean;
};

/** Tommy Ettinger's mulberry32: 32 bits of state are plenty for choosing faults and commands. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    integer,
    pick: <T>(list: readonly T[]): T => {
      if (list.length === 0) throw new RangeError('There is nothing to pick from.');
      return list[integer(0, list.length - 1)] as T;
    },
    chance: (probability) => next() < probability,
  };
}

/** A seed for a part of the run, so that what one part draws does not shift what another gets (FNV-1a, 32 bits). */
export function seedFor(seed: number, part: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`${seed}/${part}`)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The list in another order. */
export function shuffled<T>(random: Random, list: readonly T[]): readonly T[] {
  return list
    .map((item) => ({ item, place: random.next() }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ item }) => item);
}
