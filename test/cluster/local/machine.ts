/** What the machine itself has to bring: Linux, root, and a few packages of Debian. */
import { access, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ClusterError } from '../tools/cluster-error.ts';
import { commandSucceeds, runCommand } from './command.ts';
import { stateFolders } from './layout.ts';

/** Each command that is needed, and the package that brings it. */
const packages = [
  ['ip', 'iproute2'],
  ['nft', 'nftables'],
  ['conntrack', 'conntrack'],
  ['runc', 'runc'],
  ['nsenter', 'util-linux'],
  ['mount', 'mount'],
] as const;

const installTimeoutMs = 300_000;

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
 * Installs the packages whose commands are missing. Throws CLUSTER_PACKAGE_MISSING, naming them,
 * when that fails.
 */
export async function ensurePackages(): Promise<void> {
  const missing: string[] = [];
  for (const [command, name] of packages) {
    if (!(await commandSucceeds('sh', ['-c', `command -v ${command}`]))) {
      missing.push(name);
    }
  }
  if (missing.length > 0) {
    await withPackageLists(missing, async () => {
      await runCommand('apt-get', ['install', '-y', '--no-install-recommends', ...missing], {
        env: { DEBIAN_FRONTEND: 'noninteractive' },
        timeoutMs: installTimeoutMs,
      });
    });
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
  await withPackageLists(['busybox-static'], async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const script = 'cd "$1" && apt-get download busybox-static';
    await runCommand('sh', ['-c', script, 'sh', folder], { timeoutMs: installTimeoutMs });
    const archive = (await readdir(folder)).find((name) => name.endsWith('.deb')) ?? '';
    await runCommand('dpkg-deb', ['--extract', join(folder, archive), folder]);
  });
  return path;
}

/**
 * A machine that never fetched the package lists knows no package, so a failed try is repeated once
 * after fetching them.
 */
async function withPackageLists(names: string[], install: () => Promise<void>): Promise<void> {
  try {
    await install().catch(async () => {
      await runCommand('apt-get', ['update'], { timeoutMs: installTimeoutMs });
      await install();
    });
  } catch (cause) {
    throw new ClusterError('CLUSTER_PACKAGE_MISSING', `Install: ${names.join(', ')}.`, { cause });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
