import { setTimeout as delay } from 'node:timers/promises';
import { ClusterError } from '../tools/cluster-error.ts';

const pollIntervalMs = 50;

/**
 * Polls a condition until it is true; throws CLUSTER_WAIT_TIMEOUT, naming what was waited for,
 * after `timeoutMs`.
 */
export async function waitUntil(
  what: string,
  timeoutMs: number,
  condition: () => Promise<boolean>,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) {
      throw new ClusterError('CLUSTER_WAIT_TIMEOUT', `Waited ${timeoutMs / 1000} s for: ${what}.`);
    }
    await delay(pollIntervalMs);
  }
}
