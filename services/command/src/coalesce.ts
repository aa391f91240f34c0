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
 * Puts what waits while statements are under way into the next one. Nothing lingers for company: an item waits for a
 * free connection, or for the end of this turn of the event loop, so that what arrived with it goes with it.
 * The callers bound how much waits: each waits for its own result.
 */
export function createCoalescer<Item, Result>(
  limits: CoalesceLimits,
  work: CoalesceWork<Item, Result>,
): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let statements = 0;
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
  const send = async (batch: readonly Waiting<Item, Result>[]): Promise<void> => {
    try {
      const results = await work.together(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, place) => resolve(results[place] as Result));
    } catch (error) {
      for (const { item, resolve, reject } of batch) {
        if (work.mayBeOneItem(error)) work.alone(item).then(resolve, reject);
        else reject(error);
      }
    }
  };
  const sendWhatWaits = (): void => {
    scheduled = false;
    while (statements < limits.statementsMax && waiting.length > 0) {
      statements += 1;
      void send(takeBatch()).finally(() => {
        statements -= 1;
        schedule();
      });
    }
  };
  const schedule = (): void => {
    if (scheduled || waiting.length === 0 || statements >= limits.statementsMax) return;
    scheduled = true;
    setImmediate(sendWhatWaits);
  };
  return async (item) => {
    const entry = { ...Promise.withResolvers<Result>(), item };
    waiting.push(entry);
    schedule();
    return entry.promise;
  };
}
