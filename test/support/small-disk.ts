/** A file system of a bounded size, so that one store can run out of space and nothing else does. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';

const mountMsMax = 10_000;
/** Large first, because that is fast, and then down to what the last page holds. */
const fillerBlockBytes = [1_048_576, 4_096, 1];
const mountTable = '/proc/self/mounts';

export type SmallDisk = {
  /** Leaves no free byte. */
  readonly fill: () => Promise<void>;
  /** Gives back what `fill` took. */
  readonly empty: () => Promise<void>;
};

/** Mounts an empty file system in memory at a folder that exists; `unmountBelow` undoes it. Needs root on Linux. */
export function mountSmallDisk(folder: string, sizeMiB: number): SmallDisk {
  const options = `size=${sizeMiB}m,mode=0700`;
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], {
    timeout: mountMsMax,
    stdio: 'pipe',
  });
  const filler = join(folder, 'filler');
  return {
    fill: () => writeUntilFull(filler),
    empty: () => rm(filler, { force: true }),
  };
}

/** Null when disks can be mounted here, and else why not. */
export async function smallDisksProblem(): Promise<string | null> {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (process.getuid?.() !== 0) return 'it needs root, to mount a disk of a bounded size';
  const folder = await mkdtemp(join(tmpdir(), 'cqrs-disk-'));
  try {
    mountSmallDisk(folder, 1);
    return null;
  } catch (error) {
    return `nothing can be mounted here (${String(error).split('\n')[0]})`;
  } finally {
    unmountBelow(folder);
    await rm(folder, { recursive: true });
  }
}

/** Unmounts what is mounted at the folder or below, also while a process that is ending holds files there. */
export function unmountBelow(folder: string): void {
  if (!existsSync(mountTable)) return;
  const points = readFileSync(mountTable, 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point === folder || point.startsWith(folder + sep));
  for (const point of points.toReversed()) {
    execFileSync('umount', ['--lazy', point], { timeout: mountMsMax, stdio: 'pipe' });
  }
}

async function writeUntilFull(path: string): Promise<void> {
  const file = await open(path, 'a', 0o644);
  try {
    for (const bytes of fillerBlockBytes) {
      const block = Buffer.alloc(bytes);
      while (await fits(file.write(block))) continue;
    }
  } finally {
    await file.close();
  }
}

async function fits(writing: Promise<unknown>): Promise<boolean> {
  try {
    await writing;
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}
