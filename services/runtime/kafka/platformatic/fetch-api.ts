/**
 * Kafka's Fetch request, version 11 (https://kafka.apache.org/protocol.html#The_Messages_Fetch), spoken over the client's
 * connections. The client's own answers with parsed records and throws when one partition has an error; this one hands
 * over each partition's bytes or its error, and nobody's partition waits for another's.
 */
import { createAPI, Writer, type Reader } from '@platformatic/kafka';
import type { AbortedTransaction } from './record-batch.ts';

type FetchRequest = {
  readonly waitMsMax: number;
  readonly bytesMax: number;
  readonly partitionBytesMax: number;
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly offset: bigint;
  }[];
};

export type FetchedPartition = {
  readonly topic: string;
  readonly partition: number;
  /** 0, or one of Kafka's error codes. */
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly abortedTransactions: readonly AbortedTransaction[];
  readonly bytes: Buffer;
};

type FetchResponse = {
  /** How long the broker does not want to be asked again. */
  readonly throttleMs: number;
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
};

const apiKey = 1;
const apiVersion = 11;
const consumerReplicaId = -1;
const bytesMin = 1;
/** Of open and aborted transactions nothing is seen. */
const readCommitted = 1;
const noSession = 0;
const sessionless = -1;
const anyLeaderEpoch = -1;
const noLogStart = -1n;
const noRecords = Buffer.alloc(0);

function createRequest(request: FetchRequest): Writer {
  const topics = Map.groupBy(request.partitions, ({ topic }) => topic);
  return Writer.create()
    .appendInt32(consumerReplicaId)
    .appendInt32(request.waitMsMax)
    .appendInt32(bytesMin)
    .appendInt32(request.bytesMax)
    .appendInt8(readCommitted)
    .appendInt32(noSession)
    .appendInt32(sessionless)
    .appendArray(
      [...topics],
      (writer, [topic, partitions]) => {
        writer.appendString(topic, false).appendArray(
          partitions,
          (each, { partition, offset }) => {
            each
              .appendInt32(partition)
              .appendInt32(anyLeaderEpoch)
              .appendInt64(offset)
              .appendInt64(noLogStart)
              .appendInt32(request.partitionBytesMax);
          },
          false,
          false,
        );
      },
      false,
      false,
    )
    .appendArray([], () => undefined, false, false)
    .appendString('', false);
}

function parseResponse(_id: number, _key: number, _version: number, reader: Reader): FetchResponse {
  const throttleMs = reader.readInt32();
  const errorCode = reader.readInt16();
  // The session: none was asked for.
  reader.readInt32();
  const topics = reader.readArray(
    (each) => {
      const topic = each.readString(false);
      return each.readArray((partition) => parsePartition(topic, partition), false, false);
    },
    false,
    false,
  );
  return { throttleMs, errorCode, partitions: topics.flat() };
}

function parsePartition(topic: string, reader: Reader): FetchedPartition {
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  const highWatermark = reader.readInt64();
  // The last stable offset and where the log begins.
  reader.readInt64();
  reader.readInt64();
  const abortedTransactions =
    reader.readNullableArray(
      (each) => ({ producerId: each.readInt64(), firstOffset: each.readInt64() }),
      false,
      false,
    ) ?? [];
  // The replica that the broker would rather have asked.
  reader.readInt32();
  const bytes = reader.readNullableBytes(false) ?? noRecords;
  return { topic, partition, errorCode, highWatermark, abortedTransactions, bytes };
}

export const fetchApi = createAPI<[FetchRequest], FetchResponse>(
  apiKey,
  apiVersion,
  createRequest,
  parseResponse,
  false,
  false,
);
