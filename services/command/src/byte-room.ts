export type ByteRoomLimits = {
  /** Bytes of all bodies in hand, whoever sent them. */
  readonly bytesMax: number;
  readonly waitingMax: number;
  readonly waitMsMax: number;
};

/** Memory for bodies: taken before a body is read, given back when its request is answered. */
export type ByteRoom = {
  /** At once when there is room and nobody waits for it. */
  readonly tryTake: (bytes: number) => boolean;
  /** When there is room, in order of asking; false when too many wait or it waited too long. */
  readonly take: (bytes: number) => Promise<boolean>;
  readonly giveBack: (bytes: number) => void;
  readonly taken: () => number;
};

type Waiter = { readonly bytes: number; readonly grant: () => void };

/** A bounded first-come-first-served queue for bytes; who asks for more than there is in all gets none. */
export function createByteRoom({ bytesMax, waitingMax, waitMsMax }: ByteRoomLimits): ByteRoom {
  let taken = 0;
  const waiting = new Set<Waiter>();

  const tryTake = (bytes: number): boolean => {
    if (waiting.size > 0 || taken + bytes > bytesMax) return false;
    taken += bytes;
    return true;
  };
  const grantInOrder = (): void => {
    for (const waiter of waiting) {
      if (taken + waiter.bytes > bytesMax) return;
      waiting.delete(waiter);
      taken += waiter.bytes;
      waiter.grant();
    }
  };
  return {
    tryTake,
    take: async (bytes) => {
      if (tryTake(bytes)) return true;
      if (bytes > bytesMax || waiting.size >= waitingMax) return false;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const waiter = {
        bytes,
        grant: () => {
          clearTimeout(timer);
          resolve(true);
        },
      };
      const timer = setTimeout(() => {
        waiting.delete(waiter);
        resolve(false);
        // One that asks for less may have stood behind.
        grantInOrder();
      }, waitMsMax);
      waiting.add(waiter);
      return promise;
    },
    giveBack: (bytes) => {
      taken -= bytes;
      grantInOrder();
    },
    taken: () => taken,
  };
}
