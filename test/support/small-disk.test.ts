import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mountSmallDisk, smallDisksProblem, unmountBelow } from './small-disk.ts';

const problem = await smallDisksProblem();

test.skipIf(problem !== null)('a filled disk takes no byte until it is emptied', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cqrs-disk-'));
  try {
    const disk = mountSmallDisk(folder, 2);
    await disk.fill();
    await expect(writeFile(join(folder, 'one'), 'x')).rejects.toThrow('ENOSPC');
    await disk.empty();
    await writeFile(join(folder, 'one'), 'x');
  } finally {
    unmountBelow(folder);
    await rm(folder, { recursive: true });
  }
});
