import type { Socket } from 'node:net';

/**
 * A client that keeps its connections would never reach the replicas that were added for it, so a connection is closed
 * with the first answer after its age. Ages differ, so that a thousand clients do not come back in the same moment.
 */
const connectionAgeMsMin = 4_000;
const connectionAgeMsMax = 8_000;

export class ConnectionRotation {
  readonly #closeAtMs = new WeakMap<Socket, number>();

  /** `random` is in [0, 1). */
  opened(socket: Socket, nowMs: number, random: number): void {
    const age = connectionAgeMsMin + random * (connectionAgeMsMax - connectionAgeMsMin);
    this.#closeAtMs.set(socket, nowMs + age);
  }

  isDue(socket: Socket, nowMs: number): boolean {
    const closeAtMs = this.#closeAtMs.get(socket);
    return closeAtMs !== undefined && nowMs >= closeAtMs;
  }
}
