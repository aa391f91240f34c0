export type CoalesceLimits = {
  /** Statements under way at once, each on a connection of its own. */
  readonly statementsMax: number;
  readonly batchItemsMax: number;
  /** One item that is larger goes alone. */
  readonly batchBytesMax: number;
};

export type CoalesceWork<Item, Result> = {
  readonly bytesOf: (item: Item) => number;
  /** Gives one result for each item, in their order. */
  readonly together: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly alone: (item: Item) => Promise<Result>;
  /** Whether nothing was done and one item may be the reason, so that the others succeed without it. */
  readonly mayBeOneItem: (error: unknown) => boolean;
};

type Waiting<Item, Result> = PromiseWithResolvers<Result> & { readonly item: Item };

/**
 * While a statement is younger than this, fewer items than it has wait for its end: in one statement with those to come
 * they cost less than in one of theirs. An older one may take long.
 */
const youngMsMax = 5;

/**
 * Puts what waits while a statement is under way into the next one. Nothing lingers for company: while none is under
 * way, an item waits for the end of this turn of the event loop, so that what arrived with it goes with it.
 * The callers bound how much waits: each waits for its own result.
 */
export function createCoalescer<Item, Result>(
  limits: CoalesceLimits,
  work: CoalesceWork<Item, Result>,
): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let statements = 0;
  const young = new Set<readonly unknown[]>();
  let scheduled = false;

  const takeBatch = (): readonly Waiting<Item, Result>[] => {
    let bytes = 0;
    const end = waiting.findIndex(({ item }, place) => {
      bytes += work.bytesOf(item);
      return place > 0 && (place >= limits.batchItemsMax || bytes > limits.batchBytesMax);
    });
    const batch = end < 0 ? waiting : waiting.slice(0, end);
    waiting = end < 0 ? [] : waiting.slice(end);
    return batch;
  };
  /** Runs a statement; what it gives tells everybody. */
  const run = async (batch: readonly Waiting<Item, Result>[]): Promise<() => void> => {
    try {
      const results = await work.together(batch.map(({ item }) => item));
      return () => batch.forEach(({ resolve }, place) => resolve(results[place] as Result));
    } catch (error) {
      const isOneItem = work.mayBeOneItem(error);
      return () => {
        for (const { item, resolve, reject } of batch) {
          if (isOneItem) work.alone(item).then(resolve, reject);
          else reject(error);
        }
      };
    }
  };
  const send = async (batch: readonly Waiting<Item, Result>[]): Promise<void> => {
    statements += 1;
    young.add(batch);
    const aging = setTimeout(() => {
      young.delete(batch);
      schedule();
    }, youngMsMax);
    const tell = await run(batch);
    clearTimeout(aging);
    young.delete(batch);
    statements -= 1;
    // First the next statement: Postgres would be idle while the answers are written.
    sendWhatWaits();
    tell();
  };
  const mayBegin = (): boolean => {
    if (waiting.length === 0 || statements >= limits.statementsMax) return false;
    for (const { length } of young) if (waiting.length < length) return false;
    return true;
  };
  const sendWhatWaits = (): void => {
    while (mayBegin()) void send(takeBatch());
  };
  const schedule = (): void => {
    if (scheduled || !mayBegin()) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      sendWhatWaits();
    });
  };
  return async (item) => {
    const entry = { ...Promise.withResolvers<Result>(), item };
    waiting.push(entry);
    schedule();
    return entry.promise;
  };
}
