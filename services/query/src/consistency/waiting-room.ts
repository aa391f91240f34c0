import { withoutCommand } from '@cqrs/runtime/read-store/function-library.ts';
import type { Change } from '../change-message.ts';
import type { Changes } from '../changes.ts';
import { aggregateName, type Awaited, type SourceAggregate } from './source-aggregate.ts';
import type { Standing } from './standing.ts';
import { WaitCounts } from './wait-counts.ts';

/** Should a message ever be missed, this is how much later a reader is answered. */
const pollPeriodMs = 1_000;
/** While a view is built, its changes are not named; then all who wait look again, but no more often than this. */
const lookAgainPeriodMs = 20;

/** A write that the view lacks, the version that it has of that aggregate, and what keeps it. */
export type Lacking = Awaited & { readonly applied: number; readonly standing: Standing };

export type WaitOutcome =
  | { readonly kind: 'passed' }
  /** The time is over, or the process stops and waits for nothing any more. */
  | { readonly kind: 'late' | 'stopping'; readonly lacking: Lacking }
  /** It does not come by itself, so there is nothing to wait for. */
  | { readonly kind: 'halted' | 'dead-lettered'; readonly lacking: Lacking }
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'store-unavailable'; readonly detail: string }
  /** Nobody is there any more to hear the answer. */
  | { readonly kind: 'abandoned' };

/** A view, and how it is asked for the version that it has of an aggregate, and for what keeps one from coming. */
export type WaitedView = {
  readonly name: string;
  readonly version: (aggregate: SourceAggregate) => Promise<number>;
  readonly standing: (awaited: Awaited) => Promise<Standing>;
};

type Waiter = {
  readonly view: WaitedView;
  readonly startedMs: number;
  readonly deadlineMs: number;
  readonly settle: (outcome: WaitOutcome) => void;
  readonly awaited: readonly Awaited[];
  /** What was lacking when last looked; null before the first look has ended. */
  lacking: readonly Lacking[] | null;
  looking: boolean;
  /** When to ask what keeps it: at the first look that finds something lacking, then with the poll. */
  standingDueMs: number;
  asking: boolean;
  /** Something changed during a look: it may have been too early to see that. */
  lookAgain: boolean;
};

export type WaitingRoomOptions = {
  readonly changes: Changes;
  readonly views: readonly string[];
  readonly waitersMax: number;
};

/**
 * Where reads wait until a view has applied what they ask for. A waiter is known by the names of its aggregates before
 * it looks for the first time, so a change is either seen by that look or named to it afterwards, and no wake-up is
 * lost. One timer serves all deadlines.
 */
export class WaitingRoom {
  readonly counts = new WaitCounts();
  readonly #waitersMax: number;
  readonly #waiters = new Set<Waiter>();
  readonly #byName = new Map<string, Set<Waiter>>();
  #lookedMs = 0;
  /** When all who wait look again. */
  #lookDueMs = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Infinity;
  #stopped = false;

  constructor({ changes, views, waitersMax }: WaitingRoomOptions) {
    this.#waitersMax = waitersMax;
    for (const view of views) changes.subscribe(view, (change) => this.#onChange(view, change));
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** Resolves once the view has applied everything awaited, after `waitMs`, or when waiting has no sense any more. */
  wait(
    view: WaitedView,
    awaited: readonly Awaited[],
    { waitMs, abandoned }: { readonly waitMs: number; readonly abandoned: AbortSignal },
  ): Promise<WaitOutcome> {
    if (this.#waiters.size >= this.#waitersMax) {
      this.counts.note('overloaded', 0);
      return Promise.resolve({ kind: 'overloaded' });
    }
    return new Promise((resolve) => {
      const startedMs = performance.now();
      const leave = (): void => waiter.settle({ kind: 'abandoned' });
      const waiter: Waiter = {
        view,
        startedMs,
        deadlineMs: startedMs + waitMs,
        settle: (outcome) => {
          if (!this.#waiters.delete(waiter)) return;
          abandoned.removeEventListener('abort', leave);
          this.#forget(waiter);
          this.counts.note(outcome.kind, performance.now() - startedMs);
          resolve(outcome);
        },
        awaited,
        lacking: null,
        looking: false,
        lookAgain: false,
        standingDueMs: startedMs,
        asking: false,
      };
      this.#waiters.add(waiter);
      for (const name of namesOf(waiter)) this.#named(name).add(waiter);
      abandoned.addEventListener('abort', leave);
      if (this.#waiters.size === 1) this.#lookDueMs = startedMs + pollPeriodMs;
      this.#wakeAt(Math.min(waiter.deadlineMs, this.#lookDueMs));
      void this.#look(waiter);
    });
  }

  /** Ends every wait at once; who comes later is looked for once. */
  stop(): void {
    this.#stopped = true;
    this.#endDue();
    clearTimeout(this.#timer);
  }

  async #look(waiter: Waiter): Promise<void> {
    waiter.lookAgain = true;
    if (waiter.looking) return;
    waiter.looking = true;
    try {
      while (waiter.lookAgain && this.#waiters.has(waiter)) {
        waiter.lookAgain = false;
        waiter.lacking = await lackingOf(waiter.view, waiter.lacking ?? waiter.awaited);
        if (waiter.lacking.length === 0) waiter.settle({ kind: 'passed' });
      }
      void this.#askStanding(waiter);
      this.#endIfDue(waiter, performance.now());
    } catch (error) {
      settleUnavailable(waiter, error);
    } finally {
      waiter.looking = false;
    }
  }

  /** Beside the looks and not between them, so that it delays no wake-up. */
  async #askStanding(waiter: Waiter): Promise<void> {
    const { view, lacking, asking, standingDueMs } = waiter;
    const nowMs = performance.now();
    if (lacking === null || asking || nowMs < standingDueMs || !this.#waiters.has(waiter)) return;
    waiter.asking = true;
    waiter.standingDueMs = nowMs + pollPeriodMs;
    try {
      const standings = await Promise.all(lacking.map((each) => view.standing(each)));
      const told = lacking.map((each, place) => ({
        ...each,
        standing: standings[place] ?? each.standing,
      }));
      // A look that has ended meanwhile knows more: it is only asked again what keeps the rest.
      if (waiter.lacking === lacking) waiter.lacking = told;
      settleIfKept(waiter, told);
    } catch (error) {
      settleUnavailable(waiter, error);
    } finally {
      waiter.asking = false;
    }
    this.#endIfDue(waiter, performance.now());
  }

  #onChange(view: string, { aggregates }: Change): void {
    if (aggregates === null) return this.#lookSoon();
    for (const name of aggregates) {
      for (const waiter of this.#byName.get(`${view} ${name}`) ?? []) void this.#look(waiter);
    }
  }

  #lookSoon(): void {
    if (this.#waiters.size === 0) return;
    this.#lookDueMs = Math.min(this.#lookDueMs, this.#lookedMs + lookAgainPeriodMs);
    this.#wakeAt(this.#lookDueMs);
  }

  #endIfDue(waiter: Waiter, nowMs: number): void {
    // Who has not looked yet may find that there is nothing to wait for.
    const lacking = waiter.lacking?.[0];
    if (lacking === undefined || waiter.asking) return;
    if (this.#stopped) waiter.settle({ kind: 'stopping', lacking });
    else if (nowMs >= waiter.deadlineMs) waiter.settle({ kind: 'late', lacking });
  }

  #endDue(): void {
    const nowMs = performance.now();
    for (const waiter of this.#waiters) this.#endIfDue(waiter, nowMs);
  }

  #wakeAt(atMs: number): void {
    if (this.#stopped || atMs >= this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(0, atMs - performance.now()));
  }

  #onTimer(): void {
    this.#timerAtMs = Infinity;
    this.#endDue();
    if (this.#waiters.size === 0) return;
    const nowMs = performance.now();
    if (nowMs >= this.#lookDueMs) {
      this.#lookedMs = nowMs;
      this.#lookDueMs = nowMs + pollPeriodMs;
      for (const waiter of this.#waiters) void this.#look(waiter);
    }
    const deadlines = Array.from(this.#waiters, ({ deadlineMs }) => deadlineMs);
    this.#wakeAt(Math.min(this.#lookDueMs, ...deadlines.filter((ms) => ms > nowMs)));
  }

  #named(name: string): Set<Waiter> {
    const waiters = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, waiters);
    return waiters;
  }

  #forget(waiter: Waiter): void {
    for (const name of namesOf(waiter)) {
      const waiters = this.#byName.get(name);
      waiters?.delete(waiter);
      if (waiters?.size === 0) this.#byName.delete(name);
    }
  }
}

function namesOf({ view, awaited }: Pick<Waiter, 'view' | 'awaited'>): readonly string[] {
  return awaited.map((each) => `${view.name} ${aggregateName(each)}`);
}

async function lackingOf(
  view: WaitedView,
  awaited: readonly Awaited[],
): Promise<readonly Lacking[]> {
  const versions = await Promise.all(awaited.map((each) => view.version(each)));
  return awaited.flatMap((each, place) => {
    const applied = versions[place] ?? 0;
    const standing = { kind: 'moving' } as const;
    return applied < each.version ? [{ standing, ...each, applied }] : [];
  });
}

function settleIfKept(waiter: Waiter, told: readonly Lacking[]): void {
  for (const lacking of told) {
    const { kind } = lacking.standing;
    if (kind === 'halted' || kind === 'dead-lettered') return waiter.settle({ kind, lacking });
  }
}

function settleUnavailable(waiter: Waiter, error: unknown): void {
  const { message } = withoutCommand(error);
  const detail = `Redis does not answer (${message}). Try again.`;
  waiter.settle({ kind: 'store-unavailable', detail });
}
