/** Bounds of retries: per key an exponential delay, over all keys a token bucket. */
export type RetryRate = {
  retryDelayMsMin: number;
  retryDelayMsMax: number;
  retriesPerSecond: number;
  retryBurstMax: number;
};

/** client-go's DefaultTypedControllerRateLimiter. */
export const retryRate: RetryRate = {
  retryDelayMsMin: 5,
  retryDelayMsMax: 1_000_000,
  retriesPerSecond: 10,
  retryBurstMax: 100,
};

/** The delay before retry number `failures` (from 1): it doubles each time, up to the maximum. */
export function retryDelayMs(failures: number, rate: RetryRate): number {
  return Math.min(rate.retryDelayMsMax, rate.retryDelayMsMin * 2 ** (failures - 1));
}

/**
 * A token bucket that lends: a taker who finds it empty gets the milliseconds to wait and has its token reserved, so
 * takers that wait do not fire together.
 */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAtMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAtMs = nowMs;
  }

  /** Takes one token; 0 means it is there, otherwise milliseconds until it is. */
  takeMs(nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + elapsedMs * this.#perMs) - 1;
    return this.#tokens >= 0 ? 0 : -this.#tokens / this.#perMs;
  }
}
