import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createCoalescer, type CoalesceLimits } from './coalesce.ts';

const limits: CoalesceLimits = {
  statementsMax: 1,
  batchItemsMax: 3,
  batchBytesMax: 100,
};

/** A statement that ends when the test says so. */
function statements(fails: (items: readonly string[]) => Error | undefined = () => undefined) {
  const sent: { readonly items: readonly string[]; readonly end: () => void }[] = [];
  const alone: string[] = [];
  return {
    sent,
    alone,
    items: () => sent.map(({ items }) => items.join('')),
    work: {
      bytesOf: (item: string) => (item === 'L' ? 1000 : 40),
      together: async (items: readonly string[]) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        sent.push({ items, end: resolve });
        await promise;
        const error = fails(items);
        if (error !== undefined) throw error;
        return items.map((item) => item.toLowerCase());
      },
      alone: async (item: string) => {
        alone.push(item);
        const error = fails([item]);
        if (error !== undefined) throw error;
        return item.toLowerCase();
      },
      mayBeOneItem: (error: unknown) => error instanceof RangeError,
    },
  };
}

const letters = (text: string): string[] => text.split('');
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Ends every statement as it comes, until nothing is left. */
async function endAll({ sent }: ReturnType<typeof statements>): Promise<void> {
  for (let ended = 0; ended < sent.length; ended += 1) {
    sent[ended]?.end();
    await nextTurn();
    await nextTurn();
  }
}

describe('coalescer', () => {
  it('sends at once what came together, and collects the rest meanwhile, in order and bounded', async () => {
    const postgres = statements();
    const coalesce = createCoalescer(limits, { ...postgres.work, bytesOf: () => 1 });
    const results = letters('AB').map(coalesce);
    await nextTurn();
    expect(postgres.items()).toEqual(['AB']);
    results.push(...letters('CDEFG').map(coalesce));
    await nextTurn();
    expect(postgres.items()).toEqual(['AB']);
    await endAll(postgres);
    expect(postgres.items()).toEqual(['AB', 'CDE', 'FG']);
    expect((await Promise.all(results)).join('')).toBe('abcdefg');
  });

  it('bounds the bytes of a statement; what is larger goes alone', async () => {
    const postgres = statements();
    const coalesce = createCoalescer(limits, postgres.work);
    const results = letters('ABCLD').map(coalesce);
    await nextTurn();
    await endAll(postgres);
    expect(postgres.items()).toEqual(['AB', 'C', 'L', 'D']);
    expect((await Promise.all(results)).join('')).toBe('abcld');
  });

  it('has no more statements under way than it may', async () => {
    const postgres = statements();
    const coalesce = createCoalescer({ ...limits, statementsMax: 2 }, postgres.work);
    const results = letters('ABCDEFGH').map(coalesce);
    await nextTurn();
    expect(postgres.sent).toHaveLength(2);
    await endAll(postgres);
    expect((await Promise.all(results)).join('')).toBe('abcdefgh');
  });

  it('begins a statement beside a young one only for as many items', async () => {
    const postgres = statements();
    const unhurried = { ...postgres.work, bytesOf: () => 1 };
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const coalesce = createCoalescer({ ...limits, statementsMax: 2 }, unhurried);
    const results = letters('ABC').map(coalesce);
    await nextTurn();
    results.push(...letters('DE').map(coalesce));
    await nextTurn();
    expect(postgres.items()).toEqual(['ABC']);
    results.push(coalesce('F'));
    await nextTurn();
    expect(postgres.items()).toEqual(['ABC', 'DEF']);
    await endAll(postgres);
    expect((await Promise.all(results)).join('')).toBe('abcdef');
  });

  it('lets nobody wait for a statement that takes long', async () => {
    const postgres = statements();
    const coalesce = createCoalescer({ ...limits, statementsMax: 2 }, postgres.work);
    const stuck = Promise.all(letters('AB').map(coalesce));
    await nextTurn();
    const next = coalesce('C');
    await vi.waitFor(() => expect(postgres.items()).toEqual(['AB', 'C']));
    postgres.sent[1]?.end();
    expect(await next).toBe('c');
    postgres.sent[0]?.end();
    expect(await stuck).toEqual(['a', 'b']);
  });

  it('begins the next statement before it tells the results of the last', async () => {
    const postgres = statements();
    const coalesce = createCoalescer(limits, postgres.work);
    const sentWhenTold = coalesce('A').then(() => postgres.items());
    await nextTurn();
    const next = coalesce('B');
    await endAll(postgres);
    expect(await sentWhenTold).toEqual(['A', 'B']);
    expect(await next).toBe('b');
  });

  it('tries one by one when one may be the reason, so that only it fails', async () => {
    const postgres = statements((items) =>
      items.includes('X') ? new RangeError('X is wrong') : undefined,
    );
    const coalesce = createCoalescer(limits, { ...postgres.work, bytesOf: () => 1 });
    const results = Promise.allSettled(letters('AXB').map(coalesce));
    await nextTurn();
    await endAll(postgres);
    expect(await results).toMatchObject([
      { value: 'a' },
      { reason: { message: 'X is wrong' } },
      { value: 'b' },
    ]);
    expect(postgres.alone).toEqual(['A', 'X', 'B']);
  });

  it('tells everybody of a failure that is of nobody in particular, and goes on', async () => {
    let isDown = true;
    const postgres = statements(() => (isDown ? new Error('the connection is lost') : undefined));
    const coalesce = createCoalescer(limits, postgres.work);
    const results = Promise.allSettled(letters('AB').map(coalesce));
    await nextTurn();
    await endAll(postgres);
    expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(postgres.alone).toEqual([]);
    isDown = false;
    const later = coalesce('C');
    await nextTurn();
    postgres.sent.at(-1)?.end();
    expect(await later).toBe('c');
  });
});
