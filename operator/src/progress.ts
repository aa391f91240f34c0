import type { Clock } from './kube/clock.ts';

type Reconcile<R> = (key: string, signal: AbortSignal) => Promise<R>;

/** A pass that is under way, and for how long. */
export type PassUnderWay = { readonly key: string; readonly ageMs: number };

/** Knows which passes are under way, so that one that never ends is noticed: it would hold its key for ever. */
export type Progress = {
  follow<R>(reconcile: Reconcile<R>): Reconcile<R>;
  /** The pass that has been under way longest. */
  oldest(): PassUnderWay | undefined;
};

export function createProgress(clock: Pick<Clock, 'now'>): Progress {
  // In the order of their beginnings; no key has two passes at once.
  const startedAtMs = new Map<string, number>();
  return {
    follow: (reconcile) => async (key, signal) => {
      startedAtMs.set(key, clock.now());
      try {
        return await reconcile(key, signal);
      } finally {
        startedAtMs.delete(key);
      }
    },
    oldest() {
      for (const [key, atMs] of startedAtMs) return { key, ageMs: clock.now() - atMs };
      return undefined;
    },
  };
}
