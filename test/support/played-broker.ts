import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { Reader, Writer } from '@platformatic/kafka';

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
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: portOf(server),
    requests,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function readRequest(request: Buffer): readonly Asked[] {
  const clientIdBytes = request.readInt16BE(requestHeaderBytes - 2);
  const reader = Reader.from(request.subarray(requestHeaderBytes + clientIdBytes));
  // Replica, longest wait, least and most bytes, isolation, session and its epoch.
  reader.skip(4 * 4 + 1 + 2 * 4);
  return reader
    .readArray(
      (each) => {
        const topic = each.readString(false);
        return each.readArray((one) => readAsked(topic, one), false, false);
      },
      false,
      false,
    )
    .flat();
}

function readAsked(topic: string, reader: Reader): Asked {
  const partition = reader.readInt32();
  reader.skip(4);
  const offset = reader.readInt64();
  reader.skip(8 + 4);
  return { topic, partition, offset };
}

function writeResponse(
  correlationId: number,
  throttleMs: number,
  asked: readonly Asked[],
  answer: (asked: Asked) => Answer,
): Buffer {
  const response = Writer.create()
    .appendInt32(correlationId)
    .appendInt32(throttleMs)
    .appendInt16(0)
    .appendInt32(0)
    .appendArray(
      [...asked],
      (writer, one) => {
        const { errorCode, bytes } = answer(one);
        writer.appendString(one.topic, false).appendArray(
          [one],
          (each, { partition }) => {
            each
              .appendInt32(partition)
              .appendInt16(errorCode)
              .appendInt64(1_000_000n)
              .appendInt64(1_000_000n)
              .appendInt64(0n)
              .appendArray([], () => undefined, false, false)
              .appendInt32(-1)
              .appendInt32(bytes.length)
              .append(bytes);
          },
          false,
          false,
        );
      },
      false,
      false,
    ).buffer;
  const size = Buffer.alloc(sizeBytes);
  size.writeInt32BE(response.length);
  return Buffer.concat([size, response]);
}
