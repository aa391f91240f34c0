import type { EventDraft } from '../decide.ts';

/** What the service hands to the thread at its start. */
export type ThreadData = {
  /** Absolute path of the module. */
  readonly module: string;
  /** One Int32 that outlives the thread: the place in its batch of the call under way, from 1; 0 between batches. */
  readonly progress: SharedArrayBuffer;
};

/** A command and the state it is decided on. It crosses as JSON text, whose length is known and whose copy is cheap. */
export type Call = {
  readonly name: string;
  readonly data: object;
  readonly id: string;
  readonly now: string;
  readonly state: object | null;
};

/** What the module made of a call. The types of its events are without the aggregate's name. */
export type Reply =
  | { readonly kind: 'events'; readonly events: readonly EventDraft[] }
  | { readonly kind: 'refused'; readonly reason: string }
  /** `decide` gave undefined, as it does for a name that it does not know. */
  | { readonly kind: 'unknown' }
  /** The module broke its contract: a sentence for the client, and what was thrown for the log. */
  | { readonly kind: 'failed'; readonly detail: string; readonly thrown?: string };

/** From the thread: first whether the module can be used, then for each batch the replies to its first calls. */
export type ThreadMessage =
  | { readonly kind: 'loaded'; readonly commandsText: string | null }
  | { readonly kind: 'unfit'; readonly reason: string; readonly thrown?: string }
  | { readonly kind: 'replies'; readonly replies: readonly Reply[] };
