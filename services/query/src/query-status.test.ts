import { expect, it } from 'vitest';
import { createReadCounts } from './read-counts.ts';
import { ReadGate } from './read-gate.ts';
import { createQueryStatus, holdOf } from './query-status.ts';

it.each([
  ['reads-beyond=120&wait-ms=400', { beyond: 120, waitMs: 400 }],
  ['reads-beyond=120&wait-ms=90000', { beyond: 120, waitMs: 1000 }],
  ['wait-ms=x', { beyond: 0, waitMs: 0 }],
  ['reads-beyond=-1&wait-ms=-1', { beyond: 0, waitMs: 0 }],
  ['', { beyond: 0, waitMs: 0 }],
])('%s holds for %o', (query, hold) => {
  expect(holdOf(new URLSearchParams(query))).toEqual(hold);
});

function status(): ReturnType<typeof createQueryStatus> & {
  readonly gate: ReadGate;
  readonly counts: ReturnType<typeof createReadCounts>;
} {
  const gate = new ReadGate({ pendingMax: 8, onStore: () => undefined });
  const counts = createReadCounts();
  const kind = { gate, counts };
  const served = [{ documents: kind, lists: { gate, counts: createReadCounts() } }];
  const made = createQueryStatus({ bootId: 'boot', served, storeFailure: () => null });
  return { ...made, gate, counts };
}

it('counts a read from the moment it is taken in, and once', async () => {
  const { status: tell, gate, counts } = status();
  const answer = Promise.withResolvers<null>();
  const reading = gate.read(() => answer.promise);
  expect(tell()).toMatchObject({ readsServed: 0, readsQueued: 1 });
  answer.resolve(null);
  await reading;
  counts['not-found'] += 1;
  expect(tell()).toMatchObject({ readsServed: 1, readsQueued: 0 });
});

it('answers a held status as soon as the reads were asked', async () => {
  const { holdStatus, counts } = status();
  let answered = false;
  const holding = holdStatus(new URLSearchParams('reads-beyond=3&wait-ms=1000')).then(() => {
    answered = true;
    return performance.now();
  });
  counts.found += 2;
  await holdStatus(new URLSearchParams('reads-beyond=3&wait-ms=60'));
  expect(answered).toBe(false);
  counts.overloaded += 1;
  const countedMs = performance.now();
  expect((await holding) - countedMs).toBeLessThan(500);
});
