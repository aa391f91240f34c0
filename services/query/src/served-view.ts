import type { ViewConfig } from '@cqrs/contract/config.ts';
import type { TokenKeys } from '@cqrs/contract/consistency-token.ts';
import type { Compressor } from './compressor.ts';
import type { WaitingRoom } from './consistency/waiting-room.ts';
import type { ReadCounts } from './read-counts.ts';
import type { ReadGate } from './read-gate.ts';
import type { ReadStoreReader } from './read-store-reader.ts';
import type { LiveStates } from './streams/live-states.ts';
import type { StreamRoom } from './streams/stream-room.ts';
import type { UnreadAnswers } from './unread-answers.ts';

/**
 * A view with what its routes need. Counts and what streams show are the view's own; gates, the compressor, the room
 * for streams and that for unread answers are shared by all views, as Redis and the process are.
 */
export type ServedView = {
  readonly view: ViewConfig;
  readonly reader: ReadStoreReader;
  readonly documents: { readonly gate: ReadGate; readonly counts: ReadCounts };
  readonly lists: { readonly gate: ReadGate; readonly counts: ReadCounts };
  /** What reads with a consistency token need; the keys are null where tokens are not set up. */
  readonly consistency: { readonly tokenKeys: TokenKeys | null; readonly waitingRoom: WaitingRoom };
  readonly compressor: Compressor;
  readonly unread: UnreadAnswers;
  readonly live: LiveStates;
  readonly streamRoom: StreamRoom;
};
