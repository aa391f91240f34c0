/** What the reads of a load tell, as pure functions. Times are milliseconds since the epoch. */

/** One read: when it was due, how long after that it ended, and with which status; 0 is no answer. */
export type Read = {
  readonly dueAtMs: number;
  readonly latencyMs: number;
  readonly status: number;
};

const secondMs = 1_000;
const stepMs = 50;
/** How quick 99 of 100 reads have to be. */
const p99MsMax = 50;

export function hasFailed({ status }: Read): boolean {
  return status < 200 || status > 299;
}

/** The latency that 99 % of the reads due in the second before `atMs` kept; a failed one took for ever. */
function isQuick(reads: readonly Read[], atMs: number, readsMin: number): boolean {
  const due = reads.filter(({ dueAtMs }) => dueAtMs > atMs - secondMs && dueAtMs <= atMs);
  const slow = due.filter((read) => hasFailed(read) || read.latencyMs >= p99MsMax).length;
  return due.length >= readsMin && slow <= due.length / 100;
}

/**
 * How long after `fromMs` the last second lasted in which reads were slow, a second that slides; 0 when there was none.
 * `untilMs` lies so late that every read due before it has ended.
 */
export function recoveredMs(reads: readonly Read[], fromMs: number, untilMs: number): number {
  let recovered = 0;
  for (let atMs = fromMs; atMs <= untilMs; atMs += stepMs) {
    if (!isQuick(reads, atMs, 0)) recovered = atMs + stepMs - fromMs;
  }
  return recovered;
}

/** True when, at this rate, reads were quick in every sliding second of the `forMs` before `untilMs`. */
export function wereQuick(
  reads: readonly Read[],
  { untilMs, forMs, readsPerSecond }: CalmQuestion,
): boolean {
  // A second holds one read more or less than the rate says; those that have not ended by now are missing, thus slow.
  const readsMin = readsPerSecond * 0.99 - 1;
  for (let atMs = untilMs - forMs + secondMs; atMs <= untilMs; atMs += stepMs) {
    if (!isQuick(reads, atMs, readsMin)) return false;
  }
  return true;
}

export type CalmQuestion = {
  readonly untilMs: number;
  readonly forMs: number;
  readonly readsPerSecond: number;
};

/** The counter of a pod at a time: reads since its process started. */
export type ReadCount = { readonly atMs: number; readonly reads: number };

/** When a pod that started from nothing first answered so many reads within a second; undefined when it never did. */
export function reachedRateAtMs(
  counts: readonly ReadCount[],
  readsPerSecond: number,
): number | undefined {
  return counts.find(({ atMs, reads }) => {
    const before = counts.findLast((earlier) => earlier.atMs <= atMs - secondMs);
    return reads - (before?.reads ?? 0) >= readsPerSecond;
  })?.atMs;
}
