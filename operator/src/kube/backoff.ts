export type BackoffLimits = { delayMsMin: number; delayMsMax: number };

/**
 * Decorrelated jitter: each delay is uniform between the minimum and three times the one before, capped. It spreads
 * clients that failed together sooner than plain exponential delays do. Source: M. Brooker, "Exponential Backoff and
 * Jitter", AWS Architecture Blog, 2015. `random` is in [0, 1); `previousMs` is 0 after a success.
 */
export function nextBackoffMs(previousMs: number, limits: BackoffLimits, random: number): number {
  const highest = Math.max(limits.delayMsMin, previousMs * 3);
  const delayMs = limits.delayMsMin + random * (highest - limits.delayMsMin);
  return Math.min(limits.delayMsMax, delayMs);
}
