import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { imagesFolder } from './image-set.ts';

/** Gives `work` an empty folder in the cache, where there is room for whole root file systems, and removes it afterwards. */
export async function withWorkFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(imagesFolder(), { recursive: true });
  const folder = await mkdtemp(join(imagesFolder(), 'work-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
