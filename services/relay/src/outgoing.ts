import type { EventRecord } from './event-record.ts';
import { createSignal } from './signal.ts';

export type OutgoingLimits = {
  /** From here on the producer waits; a single record may go over it. */
  readonly bufferBytesMax: number;
  readonly batchBytesMax: number;
  readonly batchRecordsMax: number;
};

/** Records between the one who decodes and the one who publishes, in order and bounded in bytes. */
export type Outgoing = {
  /** Adds a record; resolves at once while there is room, else when there is again. */
  readonly push: (record: EventRecord) => Promise<void> | undefined;
  /** The next batch as soon as there is one record; undefined after `end` when all are taken. */
  readonly take: () => Promise<readonly EventRecord[] | undefined>;
  readonly end: () => void;
  readonly bytes: () => number;
};

export function createOutgoing(limits: OutgoingLimits): Outgoing {
  let records: EventRecord[] = [];
  let bytes = 0;
  let ended = false;
  const news = createSignal();
  const room = createSignal();

  const untilRoom = async (): Promise<void> => {
    while (bytes >= limits.bufferBytesMax) await room.wait();
  };
  return {
    push: (record) => {
      records.push(record);
      bytes += record.bytes;
      news.notify();
      return bytes >= limits.bufferBytesMax ? untilRoom() : undefined;
    },
    take: async () => {
      while (records.length === 0) {
        if (ended) return undefined;
        await news.wait();
      }
      const batch = records.slice(0, batchLength(records, limits));
      records = records.slice(batch.length);
      bytes -= bytesOf(batch);
      room.notify();
      return batch;
    },
    end: () => {
      ended = true;
      news.notify();
    },
    bytes: () => bytes,
  };
}

function batchLength(records: readonly EventRecord[], limits: OutgoingLimits): number {
  let bytes = 0;
  let length = 0;
  for (const record of records) {
    bytes += record.bytes;
    if (length > 0 && bytes > limits.batchBytesMax) break;
    length += 1;
    if (length === limits.batchRecordsMax) break;
  }
  return length;
}

function bytesOf(batch: readonly EventRecord[]): number {
  return batch.reduce((sum, record) => sum + record.bytes, 0);
}
