import { setTimeout as delay } from 'node:timers/promises';

/** How often what is awaited is looked at. */
const lookMs = 20;

export type Hold = {
  /** The answer is given as soon as `count` is at least this. */
  readonly beyond: number;
  /** And after this time in any case, in milliseconds. */
  readonly waitMs: number;
};

/** Resolves when `count` has reached what the hold asks for, or its time is over. */
export async function held({ beyond, waitMs }: Hold, count: () => number): Promise<void> {
  const endMs = performance.now() + waitMs;
  for (;;) {
    const leftMs = endMs - performance.now();
    if (leftMs <= 0 || count() >= beyond) return;
    await delay(Math.min(lookMs, leftMs));
  }
}
