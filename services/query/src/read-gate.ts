import { withoutCommand } from '@cqrs/runtime/read-store/function-library.ts';
import { DurationHistogram } from './duration-histogram.ts';
import type { Building } from './read-store-reader.ts';

const buildingDetail =
  'The view is being built from its events, and this is not there yet if it ever was. Try again; documents that are there already are given.';

function isBuilding(value: unknown): value is Building {
  return value === 'view-building';
}

export type GatedRead<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly refusal:
        | 'overloaded'
        | 'store-unavailable'
        | 'view-building'
        | 'view-halted'
        | 'event-dead-lettered'
        | 'consistency-timeout';
      readonly detail: string;
    };

export type ReadGateOptions = {
  /** Reads under way or waiting for their turn. */
  readonly pendingMax: number;
  /** Told of each failure of the read store, and of each answer that it gave. */
  readonly onStore: (failure: Error | null) => void;
};

/**
 * Every read passes here. Beyond the bound it is refused at once, which costs little, instead of being answered too
 * late for anybody to want it.
 */
export class ReadGate {
  /** How long Redis takes, with the wait for its turn. */
  readonly durations = new DurationHistogram();
  readonly #options: ReadGateOptions;
  #pending = 0;

  constructor(options: ReadGateOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#pending;
  }

  read<T>(ask: () => Promise<T | Building>): Promise<GatedRead<T>> {
    const { pendingMax, onStore } = this.#options;
    if (this.#pending >= pendingMax) {
      const detail = `${pendingMax} reads wait here already. Try again; more replicas may be on their way.`;
      return Promise.resolve({ ok: false, refusal: 'overloaded', detail });
    }
    this.#pending += 1;
    const startedMs = performance.now();
    // Two callbacks and no async function, because every read passes here.
    return ask().then(
      (value) => {
        this.#ended(startedMs);
        onStore(null);
        if (!isBuilding(value)) return { ok: true, value };
        return { ok: false, refusal: value, detail: buildingDetail };
      },
      (error: unknown) => {
        this.#ended(startedMs);
        const failure = withoutCommand(error);
        onStore(failure);
        const detail = `Redis does not answer (${failure.message}). Try again.`;
        return { ok: false, refusal: 'store-unavailable', detail };
      },
    );
  }

  #ended(startedMs: number): void {
    this.#pending -= 1;
    this.durations.note(performance.now() - startedMs);
  }
}
