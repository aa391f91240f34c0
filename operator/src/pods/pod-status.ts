import { Agent, request } from 'undici';
import { ports } from '@cqrs/contract/env.ts';
import { statusHold, type ServiceStatus } from '@cqrs/contract/ops-status.ts';
import type { KubeClient } from '../kube/client.ts';
import { deadline } from '../kube/deadline.ts';
import { PodStatusError } from './errors.ts';
import { parseServiceStatus } from './service-status.ts';

/** A pod by name and by address (IPv4 or IPv6). */
export type PodRef = { readonly namespace: string; readonly name: string; readonly ip: string };

/** Bounds of one read; every field has a default in `podStatusLimits`. */
type PodStatusLimits = {
  /** From sending to the last byte of the answer, on top of what the pod was asked to hold it back. */
  readonly readMsMax: number;
  readonly responseBytesMax: number;
};

const podStatusLimits: PodStatusLimits = {
  readMsMax: 1000,
  responseBytesMax: 256 * 1024,
};

// The collector and the controller may read one pod at the same moment; more than that would wait for the two.
const connectionsPerPodMax = 2;
// Longer than the longest pause between two polls, so that polling does not reconnect.
const idleConnectionMsMax = 15_000;

/** `direct` reaches pods by their address; `apiserver-proxy` serves an operator that runs outside of the cluster. */
export type PodStatusReaderOptions = (
  { readonly mode: 'direct' } | { readonly mode: 'apiserver-proxy'; readonly client: KubeClient }
) & { readonly limits?: Partial<PodStatusLimits>; readonly port?: number };

/** Asks a pod to answer once it was asked so many reads since its start, at the latest after `waitMs`. */
export type StatusHold = { readonly readsBeyond: number; readonly waitMs: number };

/** Reads `/status` of a pod's ops port; every failure is a `PodStatusError`. */
export type PodStatusReader = {
  read(pod: PodRef, signal: AbortSignal, hold?: StatusHold): Promise<ServiceStatus>;
  close(): Promise<void>;
};

type Fetch = (pod: PodRef, path: string, signal: AbortSignal) => Promise<unknown>;

export function createPodStatusReader(options: PodStatusReaderOptions): PodStatusReader {
  const limits = { ...podStatusLimits, ...options.limits };
  const port = options.port ?? ports.ops;
  const agent = new Agent({
    connections: connectionsPerPodMax,
    keepAliveTimeout: idleConnectionMsMax,
    connect: { timeout: limits.readMsMax },
  });
  const fetchStatus: Fetch =
    options.mode === 'direct'
      ? (pod, path, signal) => fetchDirectly({ agent, port, limits, signal }, pod, path)
      : (pod, path, signal) =>
          options.client.request('GET', `${proxyPath(pod, port)}${path}`, { signal });

  return {
    async read(pod, signal, hold) {
      const msMax = limits.readMsMax + (hold?.waitMs ?? 0);
      const bound = deadline(signal, msMax);
      try {
        return parseServiceStatus(await fetchStatus(pod, statusPath(hold), bound.signal));
      } catch (error) {
        if (error instanceof PodStatusError) throw error;
        const where = `${pod.namespace}/${pod.name}`;
        if (bound.expired()) {
          const message = `Pod ${where} did not answer within ${msMax} ms`;
          throw new PodStatusError('POD_STATUS_TIMEOUT', message, error);
        }
        const code = signal.aborted ? 'POD_STATUS_ABORTED' : 'POD_STATUS_UNREACHABLE';
        throw new PodStatusError(code, `Status of pod ${where} cannot be read`, error);
      } finally {
        bound.end();
      }
    },
    close: () => agent.close(),
  };
}

type DirectCall = {
  readonly agent: Agent;
  readonly port: number;
  readonly limits: PodStatusLimits;
  readonly signal: AbortSignal;
};

async function fetchDirectly(call: DirectCall, pod: PodRef, path: string): Promise<unknown> {
  const host = pod.ip.includes(':') ? `[${pod.ip}]` : pod.ip;
  const { agent, port, signal } = call;
  const answer = await request(`http://${host}:${port}${path}`, { dispatcher: agent, signal });
  if (answer.statusCode !== 200) {
    await answer.body.dump();
    const message = `Pod ${pod.namespace}/${pod.name} answered ${answer.statusCode}`;
    throw new PodStatusError('POD_STATUS_UNREACHABLE', message);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > call.limits.responseBytesMax) {
      const message = `Status of pod ${pod.namespace}/${pod.name} exceeds ${call.limits.responseBytesMax} bytes`;
      throw new PodStatusError('POD_STATUS_TOO_LARGE', message);
    }
    chunks.push(chunk);
  }
  return parseJson(Buffer.concat(chunks).toString('utf8'));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new PodStatusError('POD_STATUS_MALFORMED', 'The answer is not JSON', cause);
  }
}

// The port belongs to the name in the API's own syntax, so it is not percent-encoded.
function proxyPath(pod: PodRef, port: number): string {
  return `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}:${port}/proxy`;
}

function statusPath(hold: StatusHold | undefined): string {
  if (hold === undefined) return '/status';
  const { readsBeyond, waitMs } = statusHold;
  return `/status?${readsBeyond}=${hold.readsBeyond}&${waitMs}=${hold.waitMs}`;
}
