/** A build that was idle at every look since then: nobody noted that it keeps it up, and nobody listened to it. */
export type IdleBuild = { readonly stamp: string; readonly sinceMs: number };

export type BuildSeen = {
  /** What whoever keeps it up wrote last. */
  readonly stamp: string;
  readonly isListenedTo: boolean;
};

/**
 * The builds (by tag) that are idle now, and since when. What one process has watched on a clock that only goes forward
 * counts, and not how old a stamp is: the stamps of a Redis that was away or rolled back are old although everybody works.
 */
export function idleBuilds(
  before: ReadonlyMap<string, IdleBuild>,
  seen: ReadonlyMap<string, BuildSeen>,
  nowMs: number,
): ReadonlyMap<string, IdleBuild> {
  return new Map(
    [...seen].flatMap(([tag, { stamp, isListenedTo }]) => {
      if (isListenedTo) return [];
      const known = before.get(tag);
      return [[tag, known?.stamp === stamp ? known : { stamp, sinceMs: nowMs }]];
    }),
  );
}
