import type { GatedRead } from '../read-gate.ts';
import type { StateEvent } from './state-event.ts';

/** Whoever is shown a state: takes the latest when it can, and is told only of what differs from what it has. */
export type Follower = { readonly show: (state: StateEvent) => void };

const retryDelayMs = 1_000;

/**
 * What all streams of one document or one list show. However many they are and however fast it changes, one read is
 * under way at most, and the next begins `pauseMs` after it; so who follows sees the latest state and not every one.
 * A read that fails is tried again until it is answered.
 */
export class LiveState {
  readonly #read: () => Promise<GatedRead<StateEvent>>;
  readonly #pauseMs: number;
  readonly #followers = new Set<Follower>();
  #isReading = false;
  #isOutdated = false;
  #pause: NodeJS.Timeout | undefined;

  constructor(pauseMs: number, read: () => Promise<GatedRead<StateEvent>>) {
    this.#pauseMs = pauseMs;
    this.#read = read;
  }

  get isFollowed(): boolean {
    return this.#followers.size > 0;
  }

  /** Shows the state as it is read from now on: what was read before may be older than what the client has seen. */
  follow(follower: Follower): void {
    this.#followers.add(follower);
    this.refresh();
  }

  leave(follower: Follower): void {
    this.#followers.delete(follower);
    if (!this.isFollowed) clearTimeout(this.#pause);
  }

  refresh(): void {
    this.#isOutdated = true;
    if (!this.#isReading && this.#pause === undefined) void this.#show();
  }

  async #show(): Promise<void> {
    this.#isReading = true;
    this.#isOutdated = false;
    const waiting = [...this.#followers];
    const read = await this.#read();
    this.#isReading = false;
    if (!this.isFollowed) return;
    if (!read.ok) this.#isOutdated = true;
    // Who came during the read may have seen more than it did.
    else for (const follower of waiting) follower.show(read.value);
    this.#pause = setTimeout(
      () => {
        this.#pause = undefined;
        if (this.#isOutdated) void this.#show();
      },
      read.ok ? this.#pauseMs : retryDelayMs,
    );
  }
}
