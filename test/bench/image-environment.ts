import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, temporaryFolder } from '../support/process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const compileMsMax = 60_000;

/** What Node and glibc are told in the operator's image by its Dockerfile, and code that is compiled already. */
export async function imageEnvironment(): Promise<Readonly<Record<string, string>>> {
  const dockerfile = await readFile(join(root, 'operator/Dockerfile'), 'utf8');
  const options = /NODE_OPTIONS="([^"]+)"/.exec(dockerfile)?.[1];
  if (options === undefined) throw new Error('The Dockerfile of the operator sets no NODE_OPTIONS');
  const allocator = [...dockerfile.matchAll(/(MALLOC_\w+)=(\S+)/g)];
  const environment = {
    ...Object.fromEntries(allocator.map(([, name, value]) => [name, value])),
    NODE_OPTIONS: options,
    NODE_COMPILE_CACHE: await temporaryFolder('compile-cache'),
  };
  const main = join(root, 'operator/src/main.ts');
  await run([process.execPath, main, '--help'], { timeoutMs: compileMsMax, env: environment });
  return environment;
}
