import type { IncomingMessage, ServerResponse } from 'node:http';

/** Requests of one connection that wait behind the one in hand; a client that sends more is cut off. */
const pipelinedMax = 64;
const behind = new WeakMap<object, number>();

/**
 * Begins a request when the one before it on its connection has been answered, so that a read which was pipelined behind
 * a write sees it (RFC 9112, 9.3.2 allows only safe methods to run beside each other). Node starts them all at once, and
 * gives a response its socket when its turn to be sent has come. Without pipelining this costs one comparison.
 */
export function inTurn(
  request: IncomingMessage,
  response: ServerResponse,
  begin: () => void,
): void {
  if (response.socket !== null) {
    begin();
    return;
  }
  const { socket } = request;
  const before = behind.get(socket) ?? 0;
  if (before >= pipelinedMax) {
    socket.destroy();
    return;
  }
  behind.set(socket, before + 1);
  response.once('socket', () => {
    behind.set(socket, (behind.get(socket) ?? 1) - 1);
    begin();
  });
}
