/** The images of the operator and the services: which Dockerfile, and the reference that follows from what goes in. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contentHash, copiedPaths, ignorePatterns } from './build-context.ts';
import { imageOf, repositoryRoot } from './image-set.ts';
import type { Image } from './image-set.ts';

const dockerfiles = {
  operator: 'operator/Dockerfile',
  services: 'services/Dockerfile',
} as const;

export type OwnImageName = keyof typeof dockerfiles;

export function dockerfileOf(name: OwnImageName): string {
  return join(repositoryRoot, dockerfiles[name]);
}

/** `base` names what the Dockerfile's FROM is answered with: another base makes another image. */
export async function ownImage(name: OwnImageName, base: string): Promise<Image> {
  const dockerfile = await readFile(dockerfileOf(name), 'utf8');
  const ignore = ignorePatterns(await readFile(join(repositoryRoot, '.dockerignore'), 'utf8'));
  const facts = [base, dockerfile, ...ignore];
  const hash = await contentHash(repositoryRoot, copiedPaths(dockerfile), { ignore, facts });
  return imageOf(`docker.io/cqrs/${name}:dev-${hash}`);
}
