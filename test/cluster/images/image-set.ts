/** The images that a cluster of this project runs, and how their building is reported. */
import { join } from 'node:path';
import { cacheFolder } from '../tools/tools.ts';

export const imageNames = ['operator', 'services', 'postgres', 'kafka', 'redis'] as const;
export type ImageName = (typeof imageNames)[number];

export interface Image {
  /** The full name, with registry and tag. */
  reference: string;
  /** The image as `docker save` writes it; `ctr images import` and `kind load image-archive` give it this reference. */
  archivePath: string;
}

export type Images = Record<ImageName, Image>;

interface ImageProgress {
  step: string;
  state: 'cached' | 'building' | 'built';
  /** How long the step took; 0 until it is built. */
  seconds: number;
}

export type Report = (line: ImageProgress) => void;

export const repositoryRoot = join(import.meta.dirname, '..', '..', '..');

export function imagesFolder(): string {
  return join(cacheFolder(), 'images');
}

/** The image of a reference, its archive in the cache folder under a name made of the reference. */
export function imageOf(reference: string): Image {
  const fileName = `${reference.replaceAll(/[/:]/g, '-')}.tar`;
  return { reference, archivePath: join(imagesFolder(), 'archives', fileName) };
}

/** Runs one step and reports when it starts and how long it took. */
export async function timed<T>(report: Report, step: string, work: () => Promise<T>): Promise<T> {
  report({ step, state: 'building', seconds: 0 });
  const startedAtMs = performance.now();
  const result = await work();
  report({ step, state: 'built', seconds: (performance.now() - startedAtMs) / 1000 });
  return result;
}
