export type AdmissionLimits = {
  /** As many as the connections to Postgres: what runs never waits inside the client. */
  readonly runningMax: number;
  readonly waitingMax: number;
  readonly waitMsMax: number;
};

type Admitted<T> = { readonly admitted: true; readonly value: T } | { readonly admitted: false };

export type Admission = {
  /** Runs `work` when there is room; not admitted when too many wait or it waited too long: then it never began. */
  readonly run: <T>(work: () => Promise<T>) => Promise<Admitted<T>>;
  readonly running: () => number;
  readonly waiting: () => number;
};

/** A bounded first-come-first-served queue in front of a bounded number of workers. */
export function createAdmission({ runningMax, waitingMax, waitMsMax }: AdmissionLimits): Admission {
  let running = 0;
  const waiting = new Set<() => void>();

  const enter = async (): Promise<boolean> => {
    if (running < runningMax) {
      running += 1;
      return true;
    }
    if (waiting.size >= waitingMax) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const admit = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    const timer = setTimeout(() => {
      waiting.delete(admit);
      resolve(false);
    }, waitMsMax);
    waiting.add(admit);
    return promise;
  };
  // The one who leaves hands its place to the one who waits longest, so `running` does not change then.
  const leave = (): void => {
    const [next] = waiting;
    if (next === undefined) {
      running -= 1;
      return;
    }
    waiting.delete(next);
    next();
  };
  return {
    run: async (work) => {
      if (!(await enter())) return { admitted: false };
      try {
        return { admitted: true, value: await work() };
      } finally {
        leave();
      }
    },
    running: () => running,
    waiting: () => waiting.size,
  };
}
