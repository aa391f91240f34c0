import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ServiceStatus } from '@cqrs/contract/ops-status.ts';
import { createStagePoller } from './stage-poller.ts';

const projector = (lagEvents: number, lagSeconds: number): ServiceStatus => {
  const stands = { partitions: [], halted: [], haltedKeys: [], haltedKeyCount: 0 };
  const views = [{ view: 'orders', lagEvents, lagSeconds, ...stands }];
  return { program: 'projector', error: null, errorCode: null, views };
};

/** Plays `seconds` of polling one pod; gives the seconds at which its CqrsService was enqueued. */
async function enqueuedAt(
  seconds: number,
  statusAt: (second: number) => ServiceStatus,
): Promise<readonly number[]> {
  let nowMs = 0;
  const timers: { atMs: number; run: () => void }[] = [];
  const told: number[] = [];
  const poller = createStagePoller({
    reader: { read: async () => statusAt(nowMs / 1000), close: async () => {} },
    clock: {
      now: () => nowMs,
      wallNow: () => nowMs,
      schedule(delayMs, run) {
        timers.push({ atMs: nowMs + delayMs, run });
        return () => {};
      },
    },
    pods: () => [{ namespace: 'shop', name: 'orders-projector-1', ip: '', key: 'k', uid: 'u' }],
    onChange: () => void told.push(Math.floor(nowMs / 1000)),
    settledIntervalMs: 5000,
  });
  poller.start();
  while (nowMs < seconds * 1000) {
    await turn();
    const next = timers.shift();
    if (next === undefined) throw new Error('The poller does not tick');
    nowMs = next.atMs;
    next.run();
  }
  await poller.stop();
  return told;
}

test('a view that catches up is told as often as a settled pod is asked, not with each reading', async () => {
  const told = await enqueuedAt(30, (second) => projector(10_000 - 100 * second, 60));
  expect(told.length).toBeGreaterThan(3);
  const pauses = told.slice(1).map((second, position) => second - (told[position] ?? 0));
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(5);
});

test('that a view has caught up is told at once', async () => {
  const told = await enqueuedAt(12, (second) =>
    second < 3 ? projector(9000, 60) : projector(0, 0),
  );
  expect(told).toEqual([0, 3]);
});

test('a steady load with a small lag that flickers is told once', async () => {
  expect(await enqueuedAt(60, (second) => projector(second % 7, (second % 3) / 4))).toEqual([0]);
});
