/**
 * The little that the cluster's own programs need of the Kubernetes API: JSON calls, and to hear
 * that something changed.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';

export interface ApiClient {
  /** Answers with the status and the body's text, whatever the status is. */
  call(method: string, path: string, body?: object): Promise<{ status: number; body: string }>;
  /**
   * Calls back once for each object there is and for each change, for ever; a broken watch is taken
   * up again.
   */
  follow(path: string, onChange: () => void): Promise<never>;
}

interface Kubeconfig {
  clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
  users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
}

const callTimeoutMs = 10_000;
const watchSeconds = 300;
const watchRetryDelayMs = 1000;

/** A client for a kubeconfig with one cluster and one user that shows a certificate. */
export async function connectApi(kubeconfigPath: string): Promise<ApiClient> {
  const config: Kubeconfig = parse(await readFile(kubeconfigPath, 'utf8'));
  const { server, 'certificate-authority-data': ca } = config.clusters[0].cluster;
  const { 'client-certificate-data': cert, 'client-key-data': key } = config.users[0].user;
  const credentials = { ca: decode(ca), cert: decode(cert), key: decode(key) };

  const send = async (
    method: string,
    path: string,
    options: { body?: object; timeoutMs: number },
  ): Promise<IncomingMessage> => {
    const headers = { accept: 'application/json', 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(options.timeoutMs);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const sent = request(new URL(path, server), { ...credentials, method, headers, signal });
    sent.once('response', resolve);
    sent.once('error', reject);
    sent.end(options.body === undefined ? undefined : JSON.stringify(options.body));
    return promise;
  };

  const watch = async (path: string, onChange: () => void): Promise<void> => {
    const query = `watch=true&timeoutSeconds=${watchSeconds}`;
    const timeoutMs = watchSeconds * 1000 + callTimeoutMs;
    const response = await send('GET', `${path}?${query}`, { timeoutMs });
    response.on('data', onChange);
    await once(response, 'close');
  };

  return {
    async call(method, path, body) {
      const options = { timeoutMs: callTimeoutMs, ...(body !== undefined && { body }) };
      const response = await send(method, path, options);
      return { status: response.statusCode ?? 0, body: await text(response) };
    },
    async follow(path, onChange) {
      for (;;) {
        // The watch is only a reason to look again, so why it broke does not matter.
        await watch(path, onChange).catch(() => undefined);
        await delay(watchRetryDelayMs);
      }
    },
  };
}

function decode(base64: string): Buffer {
  return Buffer.from(base64, 'base64');
}
