/** Time as an argument. */
export type Clock = {
  /** Milliseconds that never jump: for durations and deadlines. */
  now(): number;
  /** Milliseconds since the epoch: for timestamps that others read. */
  wallNow(): number;
  /** Runs `task` once after `delayMs`; the returned function cancels it. */
  schedule(delayMs: number, task: () => void): () => void;
};

// Node fires a timer whose delay does not fit 31 bits at once, so the longest wait is capped.
const timerDelayMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  schedule(delayMs, task) {
    const timer = setTimeout(task, Math.min(Math.max(0, delayMs), timerDelayMsMax));
    return () => clearTimeout(timer);
  },
};

/** Kubernetes' MicroTime, which Lease and Event use: RFC 3339 with six digits of a second. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace('Z', '000Z');
}

/** Resolves after `delayMs`, or at once when `signal` fires; callers look at the signal. */
export async function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.schedule(delayMs, finish);
    signal?.addEventListener('abort', finish);
  });
}
