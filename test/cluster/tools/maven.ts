/** Java libraries that tests and images need, fetched by Maven once for each machine and pom. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { ensurePackages } from './debian-packages.ts';
import { cacheFolder } from './tools.ts';

const downloadTimeoutMs = 600_000;
const hashChars = 16;

/**
 * The folder with the jars that a pom pins and what they need to run: from the cache, or through Maven. Throws
 * CLUSTER_PACKAGE_MISSING or CLUSTER_COMMAND_FAILED.
 */
export async function pomLibraries(name: string, pomPath: string): Promise<string> {
  return cachedFolder(`${name}-${hashOf(await readFile(pomPath))}`, (folder) =>
    maven([
      `--file=${pomPath}`,
      '-DincludeScope=runtime',
      'dependency:copy-dependencies',
      `-DoutputDirectory=${folder}`,
    ]),
  );
}

/** The folder with one artifact, after `unpack` has looked at it there. Throws as `pomLibraries` does. */
export async function artifactFolder(
  name: string,
  artifact: string,
  unpack: (folder: string) => Promise<unknown>,
): Promise<string> {
  return cachedFolder(`${name}-${hashOf(artifact)}`, async (folder) => {
    await maven(['dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`]);
    await unpack(folder);
  });
}

function hashOf(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, hashChars);
}

/** A folder that is there is whole: it is filled under another name, which an interrupted process leaves behind. */
async function cachedFolder(
  name: string,
  fill: (folder: string) => Promise<unknown>,
): Promise<string> {
  const folder = join(cacheFolder(), name);
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial-${process.pid}`;
  await mkdir(partial, { recursive: true });
  try {
    await fill(partial);
    await rename(partial, folder).catch((error: unknown) => {
      // Another process may have been faster; only its absence is a failure.
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return folder;
}

async function maven(args: readonly string[]): Promise<void> {
  await ensurePackages({ mvn: 'maven' });
  await run('mvn', ['--batch-mode', '--quiet', ...args], { timeoutMs: downloadTimeoutMs });
}
