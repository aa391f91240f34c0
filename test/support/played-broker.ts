import { once } from 'node:events';
import { createServer } from 'node:net';
import { listenOnLoopback } from './loopback-port.ts';

export type Asked = { readonly topic: string; readonly partition: number; readonly offset: bigint };
export type Answer = { readonly errorCode: number; readonly bytes: Buffer };

export type PlayedBroker = AsyncDisposable & {
  readonly port: number;
  /** What was asked for so far, one list a request. */
  readonly requests: readonly (readonly Asked[])[];
};

const requestHeaderBytes = 14;
const sizeBytes = 4;

/**
 * Answers Fetch requests (version 11) on loopback as the test says, for what no broker can be made to do: partitions with
 * errors and damaged batches. It knows no other request.
 */
export async function playBroker(
  answer: (asked: Asked) => Answer,
  throttleMs = 0,
): Promise<PlayedBroker> {
  const requests: (readonly Asked[])[] = [];
  const server = createServer((socket) => {
    let received = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      while (received.length >= sizeBytes) {
        const end = sizeBytes + received.readInt32BE(0);
        if (received.length < end) return;
        const asked = readRequest(received.subarray(0, end));
        requests.push(asked);
        socket.write(writeResponse(received.readInt32BE(8), throttleMs, asked, answer));
        received = received.subarray(end);
      }
    });
  });
  return {
    port: await listenOnLoopback(server),
    requests,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

function readRequest(request: Buffer): readonly Asked[] {
  const clientIdBytes = request.readInt16BE(requestHeaderBytes - 2);
  // Behind replica, longest wait, least and most bytes, isolation, session and its epoch.
  let at = requestHeaderBytes + clientIdBytes + 4 * 4 + 1 + 2 * 4;
  const count = (): number => request.readInt32BE((at += 4) - 4);
  const asked: Asked[] = [];
  for (let topics = count(); topics > 0; topics -= 1) {
    const nameStart = at + 2;
    at = nameStart + request.readInt16BE(at);
    const topic = request.toString('utf8', nameStart, at);
    for (let partitions = count(); partitions > 0; partitions -= 1) {
      // Partition, leader epoch, offset, where the log starts, most bytes.
      const [partition, offset] = [request.readInt32BE(at), request.readBigInt64BE(at + 8)];
      asked.push({ topic, partition, offset });
      at += 4 + 4 + 8 + 8 + 4;
    }
  }
  return asked;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

const highWatermark = 1_000_000n;

function writeResponse(
  correlationId: number,
  throttleMs: number,
  asked: readonly Asked[],
  answer: (asked: Asked) => Answer,
): Buffer {
  const partitions = asked.flatMap((one) => {
    const { errorCode, bytes } = answer(one);
    return [
      int16(one.topic.length),
      Buffer.from(one.topic),
      int32(1),
      int32(one.partition),
      int16(errorCode),
      // And the last stable offset, and where the log begins.
      int64(highWatermark),
      int64(highWatermark),
      int64(0n),
      // No aborted transactions, and no replica to ask rather.
      int32(0),
      int32(-1),
      int32(bytes.length),
      bytes,
    ];
  });
  const response = Buffer.concat([
    int32(correlationId),
    int32(throttleMs),
    // No error, no session.
    int16(0),
    int32(0),
    int32(asked.length),
    ...partitions,
  ]);
  return Buffer.concat([int32(response.length), response]);
}
