import { expect, test } from 'vitest';
import { eventually } from './eventually.ts';

test('gives the first value that is one', async () => {
  const values = [undefined, false, 0] as const;
  let looks = 0;
  await expect(
    eventually('a value', { timeoutMs: 5_000, periodMs: 1 }, () => values[looks++]),
  ).resolves.toBe(0);
  expect(looks).toBe(3);
});

test('says after its bound what was waited for and what was seen last', async () => {
  let looks = 0;
  const waiting = eventually('the moon', { timeoutMs: 20, periodMs: 1 }, (saw) => {
    looks += 1;
    saw(`star ${looks}`);
    return undefined;
  });
  await expect(waiting).rejects.toThrow(/^Waited 20 ms for the moon; last seen: star \d+\.$/u);
  await expect(eventually('it', { timeoutMs: 0, periodMs: 1 }, () => false)).rejects.toThrow(
    'Waited 0 ms for it.',
  );
});
