/** Upper bounds of the buckets. What is above the last is only in the count. */
const durationBoundsSeconds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** How long something took, as plain numbers: a read should not pay for looking up labels. */
export class DurationHistogram {
  readonly #counts = new Float64Array(durationBoundsSeconds.length);
  count = 0;
  sumSeconds = 0;

  note(ms: number): void {
    const seconds = ms / 1_000;
    this.count += 1;
    this.sumSeconds += seconds;
    const place = durationBoundsSeconds.findIndex((bound) => seconds <= bound);
    if (place !== -1) this.#counts[place] = (this.#counts[place] ?? 0) + 1;
  }

  /** How many took no longer than each bound. */
  cumulative(): readonly { readonly bound: number; readonly count: number }[] {
    let count = 0;
    return durationBoundsSeconds.map((bound, place) => {
      count += this.#counts[place] ?? 0;
      return { bound, count };
    });
  }
}
