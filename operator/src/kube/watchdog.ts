import type { Clock } from './clock.ts';

/** Calls `onSilence` once when `touch` was not called for `silenceMsMax`. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #silenceMsMax: number;
  readonly #onSilence: () => void;
  #touchedAtMs: number;
  #cancel: () => void;

  constructor(clock: Clock, silenceMsMax: number, onSilence: () => void) {
    this.#clock = clock;
    this.#silenceMsMax = silenceMsMax;
    this.#onSilence = onSilence;
    this.#touchedAtMs = clock.now();
    this.#cancel = clock.schedule(silenceMsMax, () => this.#look());
  }

  /** Cheap on purpose, because it is called for every event: the timer is moved only when it fires. */
  touch(): void {
    this.#touchedAtMs = this.#clock.now();
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const leftMs = this.#touchedAtMs + this.#silenceMsMax - this.#clock.now();
    if (leftMs <= 0) this.#onSilence();
    else this.#cancel = this.#clock.schedule(leftMs, () => this.#look());
  }
}
