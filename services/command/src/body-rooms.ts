import type { ProblemCode } from '@cqrs/contract/problems.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { createByteRoom, type ByteRoom } from './byte-room.ts';
import { stateBytesMax } from './decide.ts';

export const bodyBytesMax = stateBytesMax;

/** Memory for bodies in two parts, so that large ones, and clients that stop half-way, leave the small ones theirs. */
export type BodyRooms = { readonly small: ByteRoom; readonly large: ByteRoom };

const smallBodyBytesMax = 16_384;
const smallBytesMax = 16 * 1_048_576;
/** Few, because a body that was parsed may take twenty times its bytes. */
const largeBytesMax = 8 * 1_048_576;
const waitingMax = 512;
const waitMsMax = 2_000;

export function createBodyRooms(): BodyRooms {
  return {
    small: createByteRoom({ bytesMax: smallBytesMax, waitingMax, waitMsMax }),
    large: createByteRoom({ bytesMax: largeBytesMax, waitingMax, waitMsMax }),
  };
}

/** Why a body is not read; `problem` and `message` are the answer. */
export class BodyRefusal extends Error {
  readonly problem: ProblemCode;

  constructor(problem: ProblemCode, message: string) {
    super(message);
    this.name = 'BodyRefusal';
    this.problem = problem;
  }
}

type Done = (error: BodyRefusal | null) => void;

/**
 * A fastify hook (preParsing). Room for all that is announced is taken before anything is read, and held until the
 * request is answered or its connection is gone; while it waits, the client's bytes stay in the network. A body that
 * does not say its length takes room for the largest.
 */
export function takeRoomForBody(rooms: BodyRooms) {
  return (request: FastifyRequest, reply: FastifyReply, _payload: unknown, done: Done): void => {
    const bytes = announcedBytes(request);
    const refusal = bytes === 0 ? undefined : refusalOf(request, bytes);
    if (bytes === 0 || refusal !== undefined) {
      done(refusal ?? null);
      return;
    }
    const room = bytes <= smallBodyBytesMax ? rooms.small : rooms.large;
    if (room.tryTake(bytes)) {
      holdUntilAnswered(reply, room, bytes);
      done(null);
      return;
    }
    void waitForRoom({ room, bytes, reply, done });
  };
}

async function waitForRoom(waiting: {
  readonly room: ByteRoom;
  readonly bytes: number;
  readonly reply: FastifyReply;
  readonly done: Done;
}): Promise<void> {
  const { room, bytes, reply, done } = waiting;
  const isGranted = await room.take(bytes);
  if (isGranted && reply.raw.closed) {
    // Nobody is there any more who would hear of it.
    room.giveBack(bytes);
    return;
  }
  if (isGranted) holdUntilAnswered(reply, room, bytes);
  done(isGranted ? null : noRoom());
}

function holdUntilAnswered(reply: FastifyReply, room: ByteRoom, bytes: number): void {
  reply.raw.once('close', () => room.giveBack(bytes));
}

function announcedBytes({ headers }: FastifyRequest): number {
  const length = headers['content-length'];
  if (length !== undefined) return Number(length);
  return headers['transfer-encoding'] === undefined ? 0 : bodyBytesMax;
}

function refusalOf({ headers }: FastifyRequest, bytes: number): BodyRefusal | undefined {
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    return new BodyRefusal(
      'unsupported-media-type',
      `The body comes with the Content-Encoding ${coding}; send it without one.`,
    );
  }
  return bytes > bodyBytesMax ? bodyTooLarge() : undefined;
}

export function bodyTooLarge(): BodyRefusal {
  return new BodyRefusal('body-too-large', `A body has at most ${bodyBytesMax} bytes.`);
}

function noRoom(): BodyRefusal {
  return new BodyRefusal(
    'overloaded',
    'The bodies in hand take all the memory that this replica has for them; this request was not begun.',
  );
}
