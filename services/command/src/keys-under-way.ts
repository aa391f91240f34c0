/** The idempotency keys of commands that this process has in hand; admission bounds how many those are. */
export type KeysUnderWay = {
  /** Runs `work` unless something runs for this key: then it gives undefined and nothing was begun. */
  readonly run: <T>(key: string, work: () => Promise<T>) => Promise<T | undefined>;
};

export function createKeysUnderWay(): KeysUnderWay {
  const underWay = new Set<string>();
  return {
    run: async (key, work) => {
      if (underWay.has(key)) return undefined;
      underWay.add(key);
      try {
        return await work();
      } finally {
        underWay.delete(key);
      }
    },
  };
}
