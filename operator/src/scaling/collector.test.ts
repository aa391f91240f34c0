import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock, type Clock } from '../kube/clock.ts';
import { silentLogger } from '../kube/logger.ts';
import { createPodStatusReader, type PodRef } from '../pods/pod-status.ts';
import { createReadsCollector, type CollectedService, type ReadsCollector } from './collector.ts';
import type { ReadDemand } from './demand.ts';
import type { ReadScaling } from './floor.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

const speed = 3;
/** Time that passes three times as fast for the collector and the pods alike, so that a test waits a third of its bounds. */
const clock: Clock = {
  ...systemClock,
  now: () => systemClock.now() * speed,
  schedule: (delayMs, task) => systemClock.schedule(delayMs / speed, task),
};

/** A pod whose counter grows with time, on its own loopback address; a hanging one never answers. */
type Pod = PodRef & { readsPerSecond: number; hangs: boolean; stop(): Promise<void> };

let port = 0;

async function startPod(name: string, ip: string, readsPerSecond: number): Promise<Pod> {
  let reads = 0;
  let countedMs = clock.now();
  const server = createServer((_, reply) => {
    if (pod.hangs) return;
    const nowMs = clock.now();
    reads += (pod.readsPerSecond * (nowMs - countedMs)) / 1000;
    countedMs = nowMs;
    const counts = {
      readsServed: Math.floor(reads * 0.75),
      readsRefused: Math.floor(reads * 0.25),
    };
    reply.end(
      JSON.stringify({ program: 'query', bootId: name, ...counts, readsQueued: 0, error: null }),
    );
  }).listen(port, ip);
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const pod: Pod = { namespace: 'shop', name, ip, readsPerSecond, hangs: false, stop };
  stops.push(stop);
  return pod;
}

function startCollector(
  services: () => readonly CollectedService[],
  onChange: (key: string) => void = () => undefined,
): ReadsCollector {
  const limits = { readMsMax: 1_000 / speed };
  const reader = createPodStatusReader({ mode: 'direct', port, limits });
  const logger = silentLogger;
  const collector = createReadsCollector({ reader, services, onChange, logger, clock });
  collector.start();
  stops.push(async () => {
    await collector.stop();
    await reader.close();
  });
  return collector;
}

const scaling: ReadScaling = {
  readsPerSecond: 100,
  minReplicas: 1,
  maxReplicas: 8,
  scaleDownMs: 0,
  replicas: 1,
  metric: 'reads',
};
const service = (key: string, ...pods: readonly Pod[]): CollectedService => ({
  key,
  pods,
  scaling,
  liveFloor: 1,
});

const untilMs = { timeout: 8_000, interval: 25 };

async function untilReads(collector: ReadsCollector, key: string, expected: number): Promise<void> {
  await vi.waitFor(() => {
    const demand = collector.demand(key);
    expect(demand.state === 'fresh' && demand.readsPerSecond).toBeGreaterThan(expected * 0.9);
    expect(demand.state === 'fresh' && demand.readsPerSecond).toBeLessThan(expected * 1.1);
  }, untilMs);
}

const stateOf = (collector: ReadsCollector, key: string): ReadDemand['state'] =>
  collector.demand(key).state;

describe('the collector', () => {
  it('sums what the ready pods of each service were asked, refused reads included', async () => {
    const [a, b, c] = [
      await startPod('orders-a', '127.0.1.1', 300),
      await startPod('orders-b', '127.0.1.2', 100),
      await startPod('payments-a', '127.0.1.3', 50),
    ];
    const told: string[] = [];
    const collector = startCollector(
      () => [service('shop/orders', a, b), service('shop/payments', c)],
      (key) => told.push(key),
    );
    expect(stateOf(collector, 'shop/customers')).toBe('unknown');
    await untilReads(collector, 'shop/orders', 400);
    await untilReads(collector, 'shop/payments', 50);
    const demand = collector.demand('shop/orders');
    const ageMs = Date.now() - (demand.state === 'fresh' ? demand.atMs : 0);
    expect(ageMs).toBeGreaterThanOrEqual(-5);
    expect(ageMs).toBeLessThan(2_000);
    await vi.waitFor(
      () => expect(new Set(told)).toEqual(new Set(['shop/orders', 'shop/payments'])),
      untilMs,
    );
  });

  it('finds a burst within a second, and tells of the floor at once', async () => {
    const pod = await startPod('orders-burst', '127.0.4.1', 80);
    const told: number[] = [];
    const collector = startCollector(
      () => [service('shop/orders', pod)],
      (key) => told.push(collector.floor(key)?.replicas ?? 0),
    );
    await untilReads(collector, 'shop/orders', 80);
    expect(collector.floor('shop/orders')?.replicas).toBe(0);

    pod.readsPerSecond = 640;
    const risenMs = clock.now();
    await vi.waitFor(() => expect(told.at(-1)).toBeGreaterThanOrEqual(6), {
      ...untilMs,
      interval: 1,
    });
    expect(clock.now() - risenMs).toBeLessThan(3_000);
    expect(told.at(-1)).toBeLessThanOrEqual(8);
  });

  it('is not held up by a pod that does not answer, and tells nothing once none does', async () => {
    const [quick, hanging] = [
      await startPod('orders-quick', '127.0.2.1', 200),
      await startPod('orders-hanging', '127.0.2.2', 200),
    ];
    hanging.hangs = true;
    const collector = startCollector(() => [service('shop/orders', quick, hanging)]);
    // The hanging pod counts like the one that answers.
    await untilReads(collector, 'shop/orders', 400);

    const answeredMs = clock.now();
    quick.hangs = true;
    await vi.waitFor(() => expect(stateOf(collector, 'shop/orders')).toBe('stale'), untilMs);
    expect(clock.now() - answeredMs).toBeLessThan(4_500);

    quick.hangs = false;
    hanging.hangs = false;
    await vi.waitFor(() => expect(stateOf(collector, 'shop/orders')).toBe('fresh'), untilMs);
  });

  it('follows pods that come and go, and forgets a service that is deleted', async () => {
    const first = await startPod('orders-1', '127.0.3.1', 300);
    const second = await startPod('orders-2', '127.0.3.2', 0);
    let services: readonly CollectedService[] = [service('shop/orders', first)];
    const collector = startCollector(() => services);
    await untilReads(collector, 'shop/orders', 300);

    services = [service('shop/orders', second)];
    second.readsPerSecond = 300;
    await first.stop();
    await vi.waitFor(() => expect(stateOf(collector, 'shop/orders')).toBe('fresh'), untilMs);
    await untilReads(collector, 'shop/orders', 300);

    services = [];
    await vi.waitFor(() => expect(stateOf(collector, 'shop/orders')).toBe('unknown'), untilMs);
  });
});
