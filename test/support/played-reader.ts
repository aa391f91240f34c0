import type { QueryStatus } from '@cqrs/contract/ops-status.ts';
import type { KubeClient } from '../../operator/src/kube/client.ts';
import { playPod } from './played-pods.ts';

/** A query pod that is asked for nothing, and counts as if so many reads a second were asked of it. */
export type PlayedReader = { setRate(readsPerSecond: number): void; stop(): Promise<void> };

const countMs = 5;

/** Plays the query pod of the CqrsService `orders`, on an address of loopback that must be its own. */
export async function playReader(
  client: KubeClient,
  options: {
    readonly namespace: string;
    readonly address: string;
    readonly readsPerSecond: number;
  },
): Promise<PlayedReader> {
  const { namespace, address } = options;
  const deployment = 'orders-query';
  const pod = await playPod(client, { namespace, deployment, address, said: said(0) });
  let [reads, readsPerSecond, countedMs] = [0, options.readsPerSecond, performance.now()];
  const count = (): void => {
    const nowMs = performance.now();
    reads += (readsPerSecond * (nowMs - countedMs)) / 1000;
    countedMs = nowMs;
    pod.say(said(reads));
  };
  const counting = setInterval(count, countMs);
  return {
    setRate(rate) {
      count();
      readsPerSecond = rate;
    },
    async stop() {
      clearInterval(counting);
      await pod.fallSilent();
    },
  };
}

function said(reads: number): QueryStatus {
  return {
    program: 'query',
    bootId: 'played',
    readsServed: Math.floor(reads),
    readsRefused: 0,
    readsQueued: 0,
    error: null,
  };
}
