/** What a failed attempt tells about whether and when to try again. */
export type FailedAttempt = {
  /** HTTP status; 0 when the connection failed before an answer. */
  status: number;
  /** What the server asked for; 0 when it did not ask. */
  retryAfterMs: number;
  /** Whether sending the same request twice has the effect of sending it once. */
  repeatable: boolean;
  /** Attempts made so far, this one included. */
  attempts: number;
};

export type RetryLimits = { attemptsMax: number; retryAfterMsMax: number };

// What to wait on a 429 that does not say, as client-go does.
const unnamedRetryAfterMs = 1000;

/**
 * Milliseconds to wait before the next attempt, or undefined to give up. Follows client-go's rules: the server's
 * Retry-After on 429 and 5xx is obeyed up to `retryAfterMsMax`; a broken connection is tried once more at once, only
 * for repeatable requests (a kept-alive connection may have been closed while the request was under way); and 401 is
 * tried once more because the credentials are read anew in between.
 */
export function retryDelayMs(failed: FailedAttempt, limits: RetryLimits): number | undefined {
  if (failed.attempts >= limits.attemptsMax) return undefined;
  if (failed.status === 0) return failed.repeatable && failed.attempts === 1 ? 0 : undefined;
  if (failed.status === 401) return failed.attempts === 1 ? 0 : undefined;
  const asked = failed.retryAfterMs > 0;
  if (failed.status === 429) {
    return Math.min(asked ? failed.retryAfterMs : unnamedRetryAfterMs, limits.retryAfterMsMax);
  }
  if (failed.status >= 500 && asked) return Math.min(failed.retryAfterMs, limits.retryAfterMsMax);
  return undefined;
}

/** Milliseconds of a Retry-After header in whole seconds, as the API server sends it; 0 for anything else. */
export function retryAfterMs(header: unknown): number {
  return typeof header === 'string' && /^\d+$/.test(header) ? Number(header) * 1000 : 0;
}
