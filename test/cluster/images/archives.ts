/** The cache of image archives: one file an image, whole or not there. */
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { imageOf } from './image-set.ts';
import type { Image } from './image-set.ts';

export async function hasArchive(image: Image): Promise<boolean> {
  return access(image.archivePath).then(
    () => true,
    () => false,
  );
}

/**
 * Has `write` make the archive at the path it is given, puts it in its place in one step and forgets the archives of
 * earlier contents of the same image, because each has the size of a whole image.
 */
export async function saveArchive(
  image: Image,
  write: (path: string) => Promise<void>,
): Promise<void> {
  const folder = dirname(image.archivePath);
  const partialPath = `${image.archivePath}.${process.pid}.partial`;
  await mkdir(folder, { recursive: true });
  await rm(partialPath, { force: true });
  await write(partialPath);
  await rename(partialPath, image.archivePath);
  const repository = image.reference.slice(0, image.reference.lastIndexOf(':'));
  const family = basename(imageOf(`${repository}:`).archivePath, '.tar');
  for (const name of await readdir(folder)) {
    if (name.startsWith(family) && name.endsWith('.tar') && name !== basename(image.archivePath)) {
      await rm(join(folder, name), { force: true });
    }
  }
}
