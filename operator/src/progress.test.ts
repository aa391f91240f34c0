import { expect, test } from 'vitest';
import { createProgress } from './progress.ts';

test('the oldest pass under way is known until it ends, whichever way it ends', async () => {
  let nowMs = 0;
  const progress = createProgress({ now: () => nowMs });
  const ends = new Map<string, PromiseWithResolvers<void>>();
  const reconcile = progress.follow((key) => {
    const end = Promise.withResolvers<void>();
    ends.set(key, end);
    return end.promise;
  });
  const { signal } = new AbortController();
  expect(progress.oldest()).toBeUndefined();
  const first = reconcile('shop/orders', signal);
  nowMs = 1000;
  const second = reconcile('shop/payments', signal);
  nowMs = 5000;
  expect(progress.oldest()).toEqual({ key: 'shop/orders', ageMs: 5000 });
  ends.get('shop/orders')?.reject(new Error('it failed'));
  await expect(first).rejects.toThrow('it failed');
  expect(progress.oldest()).toEqual({ key: 'shop/payments', ageMs: 4000 });
  ends.get('shop/payments')?.resolve();
  await second;
  expect(progress.oldest()).toBeUndefined();
});
