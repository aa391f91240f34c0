import type { IncomingMessage, ServerResponse } from 'node:http';

/** Requests of one connection that wait behind the one in hand; a client that sends more is cut off. */
const pipelinedMax = 64;
const behind = new WeakMap<object, number>();
/** Connections whose request in hand is their last. */
const closing = new WeakSet<object>();

/**
 * Begins a request when the answer before it on its connection has been handed to the network. So a read which was
 * pipelined behind a write sees it (RFC 9112, 9.3.2 allows only safe methods to run beside each other), and a client that
 * reads nothing has one answer in memory and not all that it asked for. Node starts them all at once, and gives a response
 * its socket when its turn to be sent has come. Without pipelining this costs one comparison.
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
  if (before >= pipelinedMax || closing.has(socket)) {
    socket.destroy();
    return;
  }
  behind.set(socket, before + 1);
  response.once('socket', () => {
    behind.set(socket, (behind.get(socket) ?? 1) - 1);
    begin();
  });
}

/**
 * Makes the request in hand the last of its connection, for an answer that has no end of its own: what is pipelined behind
 * it would wait for nothing and ends the connection. False when that was so already.
 */
export function lastInTurn({ socket }: IncomingMessage): boolean {
  if ((behind.get(socket) ?? 0) > 0) {
    socket.destroy();
    return false;
  }
  closing.add(socket);
  return true;
}
