/** Looks for what a stopped cluster must not leave behind. */
import { readdir, readlink, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cacheFolder } from '../tools/tools.ts';
import { mounts } from './containerd.ts';
import { netnsPath } from './layout.ts';
import { networkLeftovers } from './network.ts';

/** What is left of the cluster, as phrases for an error; empty when nothing is. */
export async function findLeftovers(): Promise<string[]> {
  const processes = (await findProcesses()).map((pid) => `process ${pid}`);
  const mounted = (await mounts()).map((path) => `the mount ${path}`);
  return [...processes, ...mounted, ...(await networkLeftovers())];
}

/** Processes in the cluster's network namespace, and the shims that hold containers. */
async function findProcesses(): Promise<number[]> {
  const netns = await stat(netnsPath).then(
    ({ ino }) => `net:[${ino}]`,
    () => undefined,
  );
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const found = await Promise.all(
    pids.map(async (pid) => {
      // A process may end between being listed and being looked at.
      const read = async (name: string) =>
        readlink(join('/proc', String(pid), name)).catch(() => '');
      const isShim = isOurShim(await read('exe'));
      return isShim || (netns !== undefined && (await read('ns/net')) === netns) ? [pid] : [];
    }),
  );
  return found.flat();
}

function isOurShim(program: string): boolean {
  const isOurs = program.startsWith(join(cacheFolder(), 'tools'));
  return isOurs && basename(program) === 'containerd-shim-runc-v2';
}
