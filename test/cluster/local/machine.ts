/** What the machine itself has to bring: Linux, root, and a few packages of Debian. */
import { access, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ClusterError } from '../tools/cluster-error.ts';
import { run } from '../tools/command.ts';
import { downloadPackage } from '../tools/debian-packages.ts';
import { stateFolders } from './layout.ts';

/** Each command that is needed, and the package that brings it. */
export const packagesByCommand = {
  ip: 'iproute2',
  nft: 'nftables',
  conntrack: 'conntrack',
  runc: 'runc',
  nsenter: 'util-linux',
  mount: 'mount',
} as const;

/** Throws CLUSTER_NOT_LINUX_ROOT on a machine where none of this can work. */
export function requireLinuxRoot(): void {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new ClusterError(
      'CLUSTER_NOT_LINUX_ROOT',
      'Run it as root on Linux; on a machine with a Docker engine use kind instead.',
    );
  }
}

/**
 * The path of a static busybox. The package is unpacked, not installed: installing it would remove
 * Debian's other busybox, which the machine may need to boot.
 */
export async function ensureBusybox(): Promise<string> {
  const folder = join(stateFolders().packages, 'busybox-static');
  const path = join(folder, 'bin', 'busybox');
  if (await exists(path)) {
    return path;
  }
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await downloadPackage('busybox-static', folder);
  const archive = (await readdir(folder)).find((name) => name.endsWith('.deb')) ?? '';
  await run('dpkg-deb', ['--extract', join(folder, archive), folder]);
  return path;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
