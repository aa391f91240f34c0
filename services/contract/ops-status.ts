/**
 * What each program answers on `GET /status` of its ops port; the operator reads it for conditions and scaling.
 * `error` is the sentence of what stands in the way now, null when nothing does.
 */
export type CommandStatus = { readonly program: 'command'; readonly error: string | null };

export type RelayStatus = {
  readonly program: 'relay';
  readonly streaming: boolean;
  readonly error: string | null;
  /** Code of the error (see errors.ts), null when there is none. */
  readonly errorCode: string | null;
  /** Bytes of WAL between the server's end and what Kafka has acknowledged. */
  readonly lagBytes: number;
  readonly eventsPublished: number;
};

export type PartitionLag = {
  readonly topicPartition: string;
  readonly lagEvents: number;
  /** Age of the oldest event that is not applied yet; 0 when none waits. */
  readonly lagSeconds: number;
};

export type ViewStatus = {
  readonly view: string;
  readonly lagEvents: number;
  readonly lagSeconds: number;
  readonly partitions: readonly PartitionLag[];
  readonly halted: readonly { readonly topicPartition: string; readonly error: string }[];
  /** Keys that stand still because of an event that cannot be applied; at most 100 are told, `haltedKeyCount` counts all. */
  readonly haltedKeys: readonly {
    readonly topicPartition: string;
    readonly key: string;
    readonly offset: string;
    readonly error: string;
  }[];
  readonly haltedKeyCount: number;
};

export type ProjectorStatus = {
  readonly program: 'projector';
  readonly error: string | null;
  readonly errorCode: string | null;
  /**
   * Partitions of every view's topics that this process owns now. A view that it owns nothing of is absent, and so is one
   * until all that it owns of it was taken: before, its lag is not known.
   */
  readonly views: readonly ViewStatus[];
};

/**
 * `GET /status?reads-beyond=N&wait-ms=M` of a query pod is answered as soon as N reads were asked of it since its start,
 * and after M ms (at most `waitMsMax`) in any case: who scales learns of a burst when it comes, and polls seldom.
 */
export const statusHold = {
  readsBeyond: 'reads-beyond',
  waitMs: 'wait-ms',
  waitMsMax: 1_000,
} as const;

/**
 * Served and refused are counters since the process started; the reader takes differences. `bootId` changes with every
 * start. Queued are reads that were taken in and have no answer yet, so that the sum of the three counts what was asked.
 */
export type QueryStatus = {
  readonly program: 'query';
  readonly bootId: string;
  readonly readsServed: number;
  readonly readsRefused: number;
  readonly readsQueued: number;
  readonly error: string | null;
};

export type ServiceStatus = CommandStatus | RelayStatus | ProjectorStatus | QueryStatus;
