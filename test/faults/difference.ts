/** What is not as it must be: the sentence of what was checked, where, what it must be and what it is. */
export type Difference = {
  readonly what: string;
  readonly key: string;
  readonly expected: unknown;
  readonly seen: unknown;
};

type Check<T> = (of: T) => Difference | null;

/** The first difference that any of the checks finds, in their order. */
export function firstDifference<T>(checks: readonly Check<T>[], of: T): Difference | null {
  for (const check of checks) {
    const difference = check(of);
    if (difference !== null) return difference;
  }
  return null;
}
