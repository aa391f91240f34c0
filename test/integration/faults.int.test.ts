/** Short runs of `npm run faults` with fixed seeds: those that once found something, and one that fills every disk. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { fixedSeeds } from '../faults/fixed-seeds.ts';
import { eventually } from '../support/eventually.ts';
import { startChild } from '../support/process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Starting, settling and stopping come on top of a run's minutes. */
const runMsMax = 5 * 60_000;

test.each(fixedSeeds)(
  'seed $seed: $about',
  { timeout: runMsMax + 30_000 },
  async ({ seed, minutes }) => {
    const run = await startChild(
      [process.execPath, 'test/faults/main.ts', `--seed=${seed}`, `--minutes=${minutes}`],
      { cwd: root },
    );
    try {
      await eventually('the run to end', runMsMax, () => !run.running());
      expect(run.output()).toContain(`seed ${seed}: passed`);
    } finally {
      await run.stop();
    }
  },
);
