import type { GatedRead } from '../read-gate.ts';
import type { EventStream } from './event-stream.ts';
import { LiveState } from './live-state.ts';
import type { StateEvent } from './state-event.ts';

/** The least time between two reads for the same streams; a list costs Redis what many documents cost. */
const documentPauseMs = 20;
const listPauseMs = 100;

/** What the streams of one view show now: each document and each list is read once for all that follow it. */
export class LiveStates {
  readonly #documents = new Map<string, LiveState>();
  readonly #lists = new Map<string, LiveState>();

  /** Documents are read again when they are named, null names all; a list may change with any document. */
  changed(keys: ReadonlySet<string> | null): void {
    for (const list of this.#lists.values()) list.refresh();
    if (keys === null) for (const document of this.#documents.values()) document.refresh();
    else for (const key of keys) this.#documents.get(key)?.refresh();
  }

  /** Returns what ends the following. */
  followDocument(
    key: string,
    stream: EventStream,
    read: () => Promise<GatedRead<StateEvent>>,
  ): () => void {
    return follow(this.#documents, key, stream, () => new LiveState(documentPauseMs, read));
  }

  followList(
    list: string,
    stream: EventStream,
    read: () => Promise<GatedRead<StateEvent>>,
  ): () => void {
    return follow(this.#lists, list, stream, () => new LiveState(listPauseMs, read));
  }
}

function follow(
  states: Map<string, LiveState>,
  name: string,
  stream: EventStream,
  create: () => LiveState,
): () => void {
  const state = states.get(name) ?? create();
  states.set(name, state);
  state.follow(stream);
  return () => {
    state.leave(stream);
    if (!state.isFollowed) states.delete(name);
  };
}
