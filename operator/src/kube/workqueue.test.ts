import * as fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import type { Clock } from './clock.ts';
import { noMetrics } from './metrics.ts';
import { retryRate } from './rate-limiter.ts';
import { Workqueue } from './workqueue.ts';

/** A clock that moves only when told. */
class ManualClock implements Clock {
  #now = 0;
  #timers: { atMs: number; task: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now;
  }

  schedule(delayMs: number, task: () => void): () => void {
    const timer = { atMs: this.#now + delayMs, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter((timer) => timer.atMs <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.atMs > this.#now);
    due.toSorted((a, b) => a.atMs - b.atMs).forEach((timer) => timer.task());
  }
}

let clock: ManualClock;
let queue: Workqueue;

beforeEach(() => {
  clock = new ManualClock();
  queue = new Workqueue({ name: 'test', clock, rate: retryRate, metrics: noMetrics });
});

test('keys come out in the order they went in, each once', async () => {
  ['a', 'b', 'a'].forEach((key) => queue.add(key));
  expect([await queue.take(), await queue.take(), queue.depth]).toEqual(['a', 'b', 0]);
});

test('a taker waits for the next key', async () => {
  const taken = queue.take();
  queue.add('a');
  expect(await taken).toBe('a');
});

test('a key added while it is worked on comes again only after done', async () => {
  queue.add('a');
  await queue.take();
  queue.add('a');
  expect(queue.depth).toBe(0);
  queue.done('a');
  expect(await queue.take()).toBe('a');
});

test('of several delays the earliest counts', async () => {
  queue.addAfter('a', 500);
  queue.addAfter('a', 100);
  queue.addAfter('a', 900);
  clock.advance(99);
  expect(queue.depth).toBe(0);
  clock.advance(1);
  expect(queue.depth).toBe(1);
  await queue.take();
  queue.done('a');
  clock.advance(10_000);
  expect(queue.depth).toBe(0);
});

test('failures wait twice as long each time, until forgotten', () => {
  queue.addRateLimited('a');
  clock.advance(5);
  expect(queue.depth).toBe(1);
  queue.addRateLimited('b');
  queue.addRateLimited('b');
  expect(queue.failures('b')).toBe(2);
  queue.forget('b');
  expect(queue.failures('b')).toBe(0);
});

test('shutting down releases takers and refuses keys', async () => {
  const taken = queue.take();
  queue.addAfter('a', 10);
  queue.shutDown();
  expect(await taken).toBeUndefined();
  queue.add('b');
  clock.advance(10);
  expect([queue.depth, await queue.take()]).toEqual([0, undefined]);
});

test('metrics tell depth and how long a key waited', async () => {
  const waits: number[] = [];
  const depths: number[] = [];
  const metrics = {
    ...noMetrics,
    queueWait: (_queue: string, waitMs: number) => void waits.push(waitMs),
    queueDepth: (_queue: string, depth: number) => void depths.push(depth),
  };
  queue = new Workqueue({ name: 'test', clock, rate: retryRate, metrics });
  queue.add('a');
  clock.advance(4);
  queue.add('a');
  clock.advance(3);
  await queue.take();
  expect({ waits, depths }).toEqual({ waits: [7], depths: [1, 0] });
});

const key = fc.constantFrom('a', 'b', 'c');
const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), key }),
  fc.record({ do: fc.constant('addAfter' as const), key, ms: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ do: fc.constant('take' as const) }),
  fc.record({ do: fc.constant('finish' as const), failed: fc.boolean() }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 30 }) }),
);

test('no key is worked on twice at once, and none that was added is forgotten', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      clock = new ManualClock();
      queue = new Workqueue({ name: 'test', clock, rate: retryRate, metrics: noMetrics });
      const working: string[] = [];
      /** Keys that somebody asked for and that no worker has begun since. */
      const owed = new Set<string>();
      const take = async (): Promise<void> => {
        const taken = await queue.take();
        if (taken === undefined) return;
        expect(working).not.toContain(taken);
        working.push(taken);
        owed.delete(taken);
      };
      const finish = (failed: boolean): void => {
        const finished = working.shift();
        if (finished === undefined) return;
        if (failed) {
          queue.addRateLimited(finished);
          owed.add(finished);
        } else queue.forget(finished);
        queue.done(finished);
      };
      for (const one of steps) {
        if (one.do === 'add') {
          queue.add(one.key);
          owed.add(one.key);
        } else if (one.do === 'addAfter') {
          queue.addAfter(one.key, one.ms);
          owed.add(one.key);
        } else if (one.do === 'take' && queue.depth > 0) await take();
        else if (one.do === 'finish') finish(one.failed);
        else if (one.do === 'advance') clock.advance(one.ms);
      }
      while (working.length > 0) finish(false);
      clock.advance(retryRate.retryDelayMsMax);
      while (queue.depth > 0) {
        await take();
        finish(false);
      }
      expect([...owed]).toEqual([]);
    }),
  );
});
