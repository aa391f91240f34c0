/** A caller's signal joined with a time bound. */
export type Deadline = {
  signal: AbortSignal;
  /** Whether it was the time bound that fired. */
  expired(): boolean;
  /** Lifts the time bound; the caller's signal still counts. */
  lift(): void;
  /** Lets go of the time bound and of the caller's signal, when there is nothing left to end. */
  release(): void;
  /** Fires the signal, if nothing else did, and releases. */
  end(): void;
};

// An error of its own for each request would cost more than the rest of it.
const ended = new DOMException('The work has ended', 'AbortError');

/**
 * Fires when `outer` does or after `delayMs`. (`AbortSignal.any` would leave one dependent signal per request on a
 * caller's long-lived signal.)
 */
export function deadline(outer: AbortSignal | undefined, delayMs: number): Deadline {
  const controller = new AbortController();
  let expired = false;
  const release = (): void => {
    clearTimeout(timer);
    outer?.removeEventListener('abort', end);
  };
  const end = (): void => {
    release();
    controller.abort(ended);
  };
  const timer = setTimeout(() => {
    expired = true;
    end();
  }, delayMs);
  if (outer?.aborted) end();
  else outer?.addEventListener('abort', end);
  return {
    signal: controller.signal,
    expired: () => expired,
    lift: () => clearTimeout(timer),
    release,
    end,
  };
}

/** The result of `work`, or a rejection as soon as the signal fires; what `work` comes to then is ignored. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
