type Waiting<K, T> = {
  readonly key: K;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Turns single questions into batches: what is asked while one batch is under way waits and goes together in the next,
 * so a lane has one batch under way at most. The busier it is, the less a question costs: designs/0002-read-store.md
 * has the figures beside the client's own pipelining.
 */
export class BatchLane<K, T> {
  readonly #ask: (keys: readonly K[]) => Promise<readonly T[]>;
  readonly #keysMax: number;
  #waiting: Waiting<K, T>[] = [];
  #scheduled = false;
  #underWay = false;
  #waited = 0;

  constructor(keysMax: number, ask: (keys: readonly K[]) => Promise<readonly T[]>) {
    this.#keysMax = keysMax;
    this.#ask = ask;
  }

  /** Questions that came while a batch was under way, since the start. */
  get waited(): number {
    return this.#waited;
  }

  read(key: K): Promise<T> {
    if (this.#underWay) this.#waited += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // Behind the requests that this turn of the event loop still brings.
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    this.#underWay = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#keysMax);
      try {
        const values = await this.#ask(batch.map(({ key }) => key));
        batch.forEach(({ resolve }, place) => resolve(values[place] as T));
      } catch (error) {
        // Who waits would meet the same failure, only later.
        for (const { reject } of [...batch, ...this.#waiting.splice(0)]) reject(error);
      }
    }
    this.#underWay = false;
    this.#scheduled = false;
  }
}
