export type AdmissionLimits = {
  /** How much is in hand at once: read, decided, or on its way to Postgres with others. */
  readonly runningMax: number;
  readonly waitingMax: number;
  readonly waitMsMax: number;
};

type Admitted<T> = { readonly admitted: true; readonly value: T } | { readonly admitted: false };

export type Admission = {
  /**
   * Runs `work` when there is room and nothing else runs for its key; null stands for a key that nobody else has.
   * Not admitted when too many wait or it waited too long: then it never began.
   */
  readonly run: <T>(key: string | null, work: () => Promise<T>) => Promise<Admitted<T>>;
  readonly running: () => number;
  readonly waiting: () => number;
};

type Waiter = { readonly key: string | null; readonly admit: () => void };

/**
 * A bounded first-come-first-served queue in front of a bounded number of workers, where work for one key runs in turn:
 * two commands for one aggregate would only outrun each other.
 */
export function createAdmission({ runningMax, waitingMax, waitMsMax }: AdmissionLimits): Admission {
  let running = 0;
  let waiting = 0;
  /** Those who wait for room only; their keys are theirs already. */
  const forRoom = new Set<Waiter>();
  /** The keys that are taken, each with those who wait for it. */
  const forKey = new Map<string, Set<Waiter>>();

  const enter = async (key: string | null): Promise<boolean> => {
    const behind = key === null ? undefined : forKey.get(key);
    if (behind === undefined && running < runningMax) {
      if (key !== null) forKey.set(key, new Set());
      running += 1;
      return true;
    }
    if (waiting >= waitingMax) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const end = (isAdmitted: boolean): void => {
      clearTimeout(timer);
      waiting -= 1;
      resolve(isAdmitted);
    };
    const waiter = { key, admit: () => end(true) };
    const timer = setTimeout(() => {
      if (forRoom.delete(waiter)) passOn(key);
      else behind?.delete(waiter);
      end(false);
    }, waitMsMax);
    waiting += 1;
    if (behind === undefined) {
      if (key !== null) forKey.set(key, new Set());
      forRoom.add(waiter);
    } else {
      behind.add(waiter);
    }
    return promise;
  };
  /** Gives the key to the one who waits longest for it; that one then waits for room. */
  const passOn = (key: string | null): void => {
    if (key === null) return;
    const behind = forKey.get(key);
    const [next] = behind ?? [];
    if (next === undefined) {
      forKey.delete(key);
      return;
    }
    behind?.delete(next);
    forRoom.add(next);
  };
  const leave = (key: string | null): void => {
    running -= 1;
    passOn(key);
    for (const next of forRoom) {
      if (running >= runningMax) return;
      forRoom.delete(next);
      running += 1;
      next.admit();
    }
  };
  return {
    run: async (key, work) => {
      if (!(await enter(key))) return { admitted: false };
      try {
        return { admitted: true, value: await work() };
      } finally {
        leave(key);
      }
    },
    running: () => running,
    waiting: () => waiting,
  };
}
