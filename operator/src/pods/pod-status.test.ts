import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { QueryStatus } from '@cqrs/contract/ops-status.ts';
import { PodStatusError } from './errors.ts';
import { createPodStatusReader, type PodStatusReader } from './pod-status.ts';

const status: QueryStatus = {
  program: 'query',
  bootId: 'b1',
  readsServed: 12,
  readsRefused: 1,
  readsQueued: 0,
  error: null,
};
const limits = { readMsMax: 200, responseBytesMax: 4_096 };
const pod = { namespace: 'shop', name: 'orders-query-0', ip: '127.0.0.1' };
const never = new AbortController().signal;

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

type Pod = { reader: PodStatusReader; connections: () => number };

async function startPod(answer: RequestListener): Promise<Pod> {
  let connections = 0;
  const server = createServer(answer).listen(0, pod.ip);
  server.on('connection', () => (connections += 1));
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const reader = createPodStatusReader({ mode: 'direct', port, limits });
  stops.push(async () => {
    server.closeAllConnections();
    await reader.close();
    await new Promise((resolve) => server.close(resolve));
  });
  return { reader, connections: () => connections };
}

async function failureOf(reading: Promise<unknown>): Promise<PodStatusError> {
  const failure = await reading.then(
    () => new Error('it was read'),
    (error: unknown) => error,
  );
  if (failure instanceof PodStatusError) return failure;
  throw failure;
}

describe('reading the status of a pod', () => {
  it('asks /status and keeps its connections', async () => {
    const asked: (string | undefined)[] = [];
    const { reader, connections } = await startPod((request, reply) => {
      asked.push(request.url);
      reply.end(JSON.stringify(status));
    });
    for (let read = 0; read < 20; read += 1) expect(await reader.read(pod, never)).toEqual(status);
    expect(new Set(asked)).toEqual(new Set(['/status']));
    expect(connections()).toBeLessThanOrEqual(2);
  });

  it('waits as long as it lets the pod hold the answer back, and not its bound longer', async () => {
    const asked: (string | undefined)[] = [];
    const { reader } = await startPod((request, reply) => {
      asked.push(request.url);
      setTimeout(() => reply.end(JSON.stringify(status)), limits.readMsMax + 50);
    });
    const hold = { readsBeyond: 120, waitMs: limits.readMsMax };
    expect(await reader.read(pod, never, hold)).toEqual(status);
    expect(asked).toEqual(['/status?reads-beyond=120&wait-ms=200']);
    const failure = await failureOf(reader.read(pod, never, { ...hold, waitMs: 10 }));
    expect(failure.code).toBe('POD_STATUS_TIMEOUT');
  });

  it('gives up at the time bound, before the head of the answer and in the middle of it', async () => {
    const silent = await startPod(() => undefined);
    expect(await failureOf(silent.reader.read(pod, never))).toMatchObject({
      code: 'POD_STATUS_TIMEOUT',
      message: 'Pod shop/orders-query-0 did not answer within 200 ms',
    });
    const stuck = await startPod((_, reply) => void reply.write('{"program":'));
    expect((await failureOf(stuck.reader.read(pod, never))).code).toBe('POD_STATUS_TIMEOUT');
  });

  it('gives up when the caller does', async () => {
    const { reader } = await startPod(() => undefined);
    const caller = new AbortController();
    const reading = failureOf(reader.read(pod, caller.signal));
    caller.abort();
    expect((await reading).code).toBe('POD_STATUS_ABORTED');
  });

  it('does not take in more than the byte bound', async () => {
    const { reader } = await startPod((_, reply) => reply.end('x'.repeat(5_000)));
    expect((await failureOf(reader.read(pod, never))).code).toBe('POD_STATUS_TOO_LARGE');
  });

  it('says that a pod is out of reach, or answers with an error', async () => {
    const { reader } = await startPod((_, reply) => reply.writeHead(500).end('broken'));
    expect(await failureOf(reader.read(pod, never))).toMatchObject({
      code: 'POD_STATUS_UNREACHABLE',
      message: 'Pod shop/orders-query-0 answered 500',
    });
    const elsewhere = { ...pod, ip: '127.9.9.9' };
    expect((await failureOf(reader.read(elsewhere, never))).code).toBe('POD_STATUS_UNREACHABLE');
  });

  it('refuses what is not a status', async () => {
    const { reader } = await startPod((_, reply) => reply.end('<html>'));
    expect((await failureOf(reader.read(pod, never))).code).toBe('POD_STATUS_MALFORMED');
  });
});
