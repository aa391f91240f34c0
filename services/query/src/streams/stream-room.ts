import type { ServerResponse } from 'node:http';
import { EventStream, type HeldBytes, type StreamEnd } from './event-stream.ts';
import type { StateEvent } from './state-event.ts';

/** How many streams one replica has; those beyond are told to go elsewhere. */
export const streamsMax = 1_000;
/** What waits for slow clients, each event counted once, as all streams share its bytes. */
const heldBytesMax = 32 * 1024 * 1024;
/** Proxies close what is silent for 30 s or 60 s. */
export const heartbeatMs = 15_000;
/** Longer than connections that carry requests, because each return costs a read; ages differ so that not all come at once. */
const streamAgeMsMin = 60_000;
const streamAgeMsMax = 120_000;
/** When a client whose stream ended comes back: each at a moment of its own. */
const retryMsMin = 200;
const retryMsMax = 1_200;

/** All streams of a replica: their number, their heartbeat, their age and their end. */
export class StreamRoom {
  readonly ended: Record<StreamEnd, number> = { left: 0, aged: 0, slow: 0, stopped: 0 };
  readonly #closeAtMs = new Map<EventStream, number>();
  readonly #holders = new Map<StateEvent, number>();
  #heldBytes = 0;
  #isClosed = false;

  get open(): number {
    return this.#closeAtMs.size;
  }

  get hasRoom(): boolean {
    return this.open < streamsMax;
  }

  /**
   * Begins the answer of a client and has it follow; what `follow` returns is called once, however the stream ends.
   * `random` is in [0, 1), `nowMs` on the clock of `beat`.
   */
  begin(
    raw: ServerResponse,
    lastEventId: string | undefined,
    options: {
      readonly random: number;
      readonly nowMs: number;
      readonly follow: (stream: EventStream) => () => void;
    },
  ): void {
    const within = (min: number, max: number): number => min + options.random * (max - min);
    raw.write(`retry: ${Math.round(within(retryMsMin, retryMsMax))}\n\n`);
    const stream = new EventStream(raw, lastEventId, {
      held: this.#held,
      onEnd: (why) => {
        this.ended[why] += 1;
        this.#closeAtMs.delete(stream);
        leave();
      },
    });
    const leave = options.follow(stream);
    this.#closeAtMs.set(stream, options.nowMs + within(streamAgeMsMin, streamAgeMsMax));
    // Connections that were open already may still ask while the server closes.
    if (this.#isClosed) stream.end('stopped');
  }

  /** Ends every stream in good order. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#closeAtMs.keys()) stream.end('stopped');
  }

  /** To be called every `heartbeatMs`: sends each stream a sign of life, and ends those that are old enough. */
  beat(nowMs: number): void {
    for (const [stream, closeAtMs] of this.#closeAtMs) {
      if (nowMs >= closeAtMs) stream.end('aged');
      else stream.beat();
    }
  }

  readonly #held: HeldBytes = {
    hold: (event) => {
      const holders = this.#holders.get(event) ?? 0;
      this.#holders.set(event, holders + 1);
      if (holders === 0) this.#heldBytes += event.bytes.length;
      return this.#heldBytes <= heldBytesMax;
    },
    release: (event) => {
      const holders = this.#holders.get(event) ?? 0;
      if (holders > 1) {
        this.#holders.set(event, holders - 1);
        return;
      }
      this.#holders.delete(event);
      this.#heldBytes -= event.bytes.length;
    },
  };
}
