import type { ServerResponse } from 'node:http';
import type { Follower } from './live-state.ts';
import type { StateEvent } from './state-event.ts';

/** Why a stream ended. */
export const streamEnds = ['left', 'aged', 'slow', 'stopped'] as const;
export type StreamEnd = (typeof streamEnds)[number];

/** Counts the bytes that wait in this process for slow clients, over all streams. */
export type HeldBytes = {
  readonly hold: (event: StateEvent) => boolean;
  readonly release: (event: StateEvent) => void;
};

/** For the network to take the end of a stream; heartbeats have ended by then. */
const endMsMax = 15_000;

const heartbeat = ': still here\n\n';

/**
 * One client's stream. What it has not taken yet is one event at most: while that waits, only the latest state is
 * remembered, and a state that the client has is not sent again.
 */
export class EventStream implements Follower {
  readonly #raw: ServerResponse;
  readonly #held: HeldBytes;
  readonly #onEnd: (why: StreamEnd) => void;
  #shownId: string | undefined;
  #waiting: StateEvent | undefined;
  #next: StateEvent | undefined;
  #hasStalled = false;
  #hasEnded = false;

  constructor(
    raw: ServerResponse,
    lastEventId: string | undefined,
    options: { readonly held: HeldBytes; readonly onEnd: (why: StreamEnd) => void },
  ) {
    this.#raw = raw;
    this.#shownId = lastEventId;
    this.#held = options.held;
    this.#onEnd = options.onEnd;
    // A large answer before this one may have left a timeout on the connection, as short as heartbeats are apart.
    raw.socket?.setTimeout(0);
    raw.on('drain', () => this.#taken());
    raw.on('close', () => this.end('left'));
  }

  show(state: StateEvent): void {
    if (this.#hasEnded) return;
    if (this.#waiting !== undefined) {
      this.#showNext(state);
      return;
    }
    if (state.id === this.#shownId) return;
    this.#shownId = state.id;
    if (this.#raw.write(state.bytes)) return;
    this.#waiting = state;
    if (!this.#held.hold(state)) this.end('slow');
  }

  /** A client that has taken nothing since the beat before is gone or as good as gone. */
  beat(): void {
    if (this.#waiting === undefined) this.#raw.write(heartbeat);
    else if (this.#hasStalled) this.end('slow');
    else this.#hasStalled = true;
  }

  end(why: StreamEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const state of [this.#waiting, this.#next])
      if (state !== undefined) this.#held.release(state);
    if (why === 'slow') {
      this.#raw.destroy();
    } else {
      this.#raw.socket?.setTimeout(endMsMax);
      this.#raw.end();
    }
    this.#onEnd(why);
  }

  /** What comes next is memory like what waits, and one document that grows may come next for every stalled client. */
  #showNext(state: StateEvent): void {
    if (this.#next !== undefined) this.#held.release(this.#next);
    this.#next = state;
    if (!this.#held.hold(state)) this.end('slow');
  }

  #taken(): void {
    if (this.#waiting === undefined || this.#hasEnded) return;
    this.#held.release(this.#waiting);
    this.#waiting = undefined;
    this.#hasStalled = false;
    const next = this.#next;
    this.#next = undefined;
    if (next === undefined) return;
    this.#held.release(next);
    this.show(next);
  }
}
