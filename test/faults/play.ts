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

export function playFaults(plan: readonly Fault[], world: World, signal: AbortSignal): Played {
  const startedMs = performance.now();
  const played: { fault: Fault; startedAt: string; endedAt: string | null }[] = [];
  const wait = async (ms: number): Promise<void> =>
    delay(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
  /** A target's next fault waits for its last one, however long that took to be undone. */
  const lastOf = new Map<string, Promise<void>>();

  const inflict = async (fault: Fault): Promise<void> => {
    await wait(startedMs + fault.atMs - performance.now());
    await lastOf.get(fault.target);
    if (signal.aborted) return;
    const entry = { fault, startedAt: new Date().toISOString(), endedAt: null as string | null };
    played.push(entry);
    const hurt = world.target(fault.target)[fault.kind];
    if (hurt === undefined) throw new Error(`${fault.target} knows no ${fault.kind}.`);
    await hurt(() => wait(fault.forMs));
    entry.endedAt = new Date().toISOString();
  };
  const running = plan.map(async (fault) => {
    const before = lastOf.get(fault.target);
    const own = (async () => {
      await before;
      await inflict(fault);
    })();
    lastOf.set(fault.target, own);
    return own;
  });
  return {
    faults: () =>
      played.map(({ fault, startedAt, endedAt }) => ({ ...fault, startedAt, endedAt })),
    done: (async () => void (await Promise.all(running)))(),
  };
}
