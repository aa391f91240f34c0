import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import { connect } from 'node:net';

const probeTimeoutMs = 1000;

/**
 * True when the address answers 200. Whose certificate it shows does not matter: a probe reads no
 * data and sends none.
 */
export async function answersOk(url: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const options = { timeout: probeTimeoutMs, agent: false };
  const request = url.startsWith('https:')
    ? httpsGet(url, { ...options, rejectUnauthorized: false })
    : httpGet(url, options);
  request.once('response', (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  request.once('timeout', () => request.destroy());
  request.once('error', () => resolve(false));
  request.once('close', () => resolve(false));
  return promise;
}

/** True when something accepts connections on the socket. */
export async function acceptsConnections(socketPath: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(socketPath);
  socket.once('connect', () => resolve(true));
  socket.once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
