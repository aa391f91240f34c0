import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createController } from './controller.ts';

test('of passes that wait for nothing, no more than one goes on in a turn of the event loop', async () => {
  const keys = Array.from({ length: 100 }, (_, number) => `shop/${number}`);
  let passes = 0;
  const controller = createController({
    name: 'test',
    concurrency: 8,
    watches: [
      {
        synced: Promise.resolve(),
        subscribe(enqueue) {
          keys.forEach(enqueue);
          return () => undefined;
        },
      },
    ],
    async reconcile() {
      passes += 1;
      return {};
    },
  });
  onTestFinished(() => controller.stop());
  await controller.start();
  const inOneTurn: number[] = [];
  for (let before = 0; passes < keys.length; before = passes) {
    await nextTurn();
    inOneTurn.push(passes - before);
  }
  // Two, since the look itself takes a turn somewhere between theirs.
  expect(Math.max(...inOneTurn)).toBeLessThanOrEqual(2);
});
