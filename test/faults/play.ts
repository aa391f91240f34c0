import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './plan.ts';
import type { World } from './world.ts';

/** What was done and when, for a reader of a failed run. */
export type PlayedFault = Fault & { readonly startedAt: string; readonly endedAt: string | null };

export type Played = {
  /** Every fault that was begun, in the order in which they began. */
  readonly faults: () => readonly PlayedFault[];
  /** Resolves when the last fault is undone; once `signal` is aborted no fault begins and those that last are undone. */
  readonly done: Promise<void>;
};

/** No fault begins after `durationMs`: on a slow machine a target may be late by several of them. */
export function playFaults(
  { plan, durationMs }: { readonly plan: readonly Fault[]; readonly durationMs: number },
  world: World,
  signal: AbortSignal,
): Played {
  const startedMs = performance.now();
  const played: { fault: Fault; startedAt: string; endedAt: string | null }[] = [];
  const wait = async (ms: number): Promise<void> =>
    delay(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
  const inflict = async (fault: Fault): Promise<void> => {
    await wait(startedMs + fault.atMs - performance.now());
    if (signal.aborted || performance.now() > startedMs + durationMs) return;
    const entry = { fault, startedAt: new Date().toISOString(), endedAt: null as string | null };
    played.push(entry);
    const hurt = world.target(fault.target)[fault.kind];
    if (hurt === undefined) throw new Error(`${fault.target} knows no ${fault.kind}.`);
    await hurt(() => wait(fault.forMs));
    entry.endedAt = new Date().toISOString();
  };
  // A target's next fault waits for its last one, however long that took to be undone.
  const lastOf = new Map<string, Promise<void>>();
  for (const fault of plan) {
    const before = lastOf.get(fault.target) ?? Promise.resolve();
    lastOf.set(
      fault.target,
      before.then(() => inflict(fault)),
    );
  }
  return {
    faults: () => played.map(({ fault, startedAt, endedAt }) => ({ ...fault, startedAt, endedAt })),
    done: (async () => void (await Promise.all(lastOf.values())))(),
  };
}
