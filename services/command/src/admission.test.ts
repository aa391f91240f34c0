import { describe, expect, it } from 'vitest';
import { createAdmission } from './admission.ts';

function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, pass: () => promise };
}

describe('admission', () => {
  it('runs what fits, queues what may wait, and refuses the rest', async () => {
    const admission = createAdmission({ runningMax: 2, waitingMax: 1, waitMsMax: 10_000 });
    const { open, pass } = gate();
    const first = [admission.run(null, pass), admission.run(null, pass), admission.run(null, pass)];
    await expect(admission.run(null, pass)).resolves.toEqual({ admitted: false });
    expect([admission.running(), admission.waiting()]).toEqual([2, 1]);
    open();
    await expect(Promise.all(first)).resolves.toEqual(
      Array.from({ length: 3 }, () => ({ admitted: true, value: undefined })),
    );
    expect([admission.running(), admission.waiting()]).toEqual([0, 0]);
  });

  it('lets go of what waited too long, without starting it', async () => {
    const admission = createAdmission({ runningMax: 1, waitingMax: 5, waitMsMax: 10 });
    const { open, pass } = gate();
    const running = admission.run(null, pass);
    let started = false;
    const late = await admission.run(null, async () => {
      started = true;
    });
    expect([late, started]).toEqual([{ admitted: false }, false]);
    open();
    await running;
    expect(await admission.run(null, async () => 7)).toEqual({ admitted: true, value: 7 });
  });

  it('keeps the order of arrival, also past a failure', async () => {
    const admission = createAdmission({ runningMax: 1, waitingMax: 9, waitMsMax: 10_000 });
    const order: number[] = [];
    const runs = [1, 2, 3, 4].map((n) =>
      admission.run(null, async () => {
        order.push(n);
        if (n === 2) throw new Error('two');
      }),
    );
    const results = await Promise.allSettled(runs);
    expect(order).toEqual([1, 2, 3, 4]);
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
  });

  it('runs what has the same key in turn, and other keys past it', async () => {
    const admission = createAdmission({ runningMax: 2, waitingMax: 9, waitMsMax: 10_000 });
    const order: string[] = [];
    const { open, pass } = gate();
    const work = (name: string) => async () => {
      order.push(name);
      await pass();
    };
    const runs = [
      admission.run('a', work('a1')),
      admission.run('a', work('a2')),
      admission.run('b', work('b1')),
      admission.run('a', work('a3')),
    ];
    expect([admission.running(), admission.waiting()]).toEqual([2, 2]);
    await Promise.resolve();
    expect(order).toEqual(['a1', 'b1']);
    open();
    await Promise.all(runs);
    expect(order).toEqual(['a1', 'b1', 'a2', 'a3']);
    expect([admission.running(), admission.waiting()]).toEqual([0, 0]);
  });

  it('forgets those who waited too long for a key or for room, and the key goes on', async () => {
    const admission = createAdmission({ runningMax: 1, waitingMax: 9, waitMsMax: 20 });
    const { open, pass } = gate();
    const running = admission.run('a', pass);
    const late = await Promise.all(
      ['a', 'b', 'a', 'b', null].map((key) => admission.run(key, async () => key)),
    );
    expect(late).toEqual(Array.from({ length: 5 }, () => ({ admitted: false })));
    open();
    await running;
    for (const key of ['a', 'b', null]) {
      expect(await admission.run(key, async () => key)).toEqual({ admitted: true, value: key });
    }
    expect([admission.running(), admission.waiting()]).toEqual([0, 0]);
  });
});
