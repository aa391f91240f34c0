import type { Clock } from './clock.ts';

export type TurnsOptions = {
  /** How many pieces of work go on at a time. */
  underWayMax: number;
  /** Work that has taken longer waits for something and burdens nobody: it gives its turn on, and goes on beside. */
  turnMsMax: number;
  clock: Pick<Clock, 'schedule'>;
};

/** Lets so many pieces of work go on at a time; further ones wait in the order in which they came. */
export class Turns {
  readonly #options: TurnsOptions;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#free = options.underWayMax;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    const { clock, turnMsMax } = this.#options;
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let isHeld = true;
    const giveOn = (): void => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
    const cancel = clock.schedule(turnMsMax, giveOn);
    try {
      return await work();
    } finally {
      cancel();
      giveOn();
    }
  }
}
