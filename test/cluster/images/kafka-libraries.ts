import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../local/command.ts';
import { cacheFolder } from '../tools/tools.ts';
import { contentHash } from './build-context.ts';
import { ensurePackages } from './packages.ts';

const downloadTimeoutMs = 600_000;
const pomPath = join(import.meta.dirname, 'kafka', 'pom.xml');

/**
 * The folder with Kafka's broker and all it needs, as the pom pins them: from the cache, or through Maven, which is
 * installed when it is missing. Throws CLUSTER_PACKAGE_MISSING or CLUSTER_COMMAND_FAILED.
 */
export async function kafkaLibraries(): Promise<string> {
  const hash = await contentHash(import.meta.dirname, ['kafka/pom.xml'], { ignore: [], facts: [] });
  const folder = join(cacheFolder(), `kafka-libraries-${hash}`);
  if (await exists(folder)) {
    return folder;
  }
  await ensurePackages({ mvn: 'maven' });
  const partial = `${folder}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  try {
    const options = ['--batch-mode', '--quiet', '--file', pomPath, '-DincludeScope=runtime'];
    const target = `-DoutputDirectory=${partial}`;
    await runCommand('mvn', [...options, 'dependency:copy-dependencies', target], {
      timeoutMs: downloadTimeoutMs,
    });
    await rename(partial, folder).catch(async (error: unknown) => {
      // Another process may have been faster, and a folder that is there is whole.
      if (!(await exists(folder))) {
        throw error;
      }
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return folder;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
