/** What building needs of the machine, from its own packages. */
import { commandSucceeds, runCommand } from '../local/command.ts';
import { ClusterError } from '../tools/cluster-error.ts';

const installTimeoutMs = 600_000;

/**
 * Installs the packages whose command is missing; `packagesByCommand` says which package of Debian brings which command.
 * Throws CLUSTER_PACKAGE_MISSING, naming them, when that fails.
 */
export async function ensurePackages(packagesByCommand: Record<string, string>): Promise<void> {
  const missing: string[] = [];
  for (const [command, name] of Object.entries(packagesByCommand)) {
    if (!(await commandSucceeds('sh', ['-c', `command -v ${command}`]))) {
      missing.push(name);
    }
  }
  if (missing.length === 0) {
    return;
  }
  const install = async (): Promise<unknown> =>
    runCommand('apt-get', ['install', '--yes', '--no-install-recommends', ...missing], {
      env: { DEBIAN_FRONTEND: 'noninteractive' },
      timeoutMs: installTimeoutMs,
    });
  try {
    // A machine that never fetched the package lists knows no package.
    await install().catch(async () => {
      await runCommand('apt-get', ['update'], { timeoutMs: installTimeoutMs });
      await install();
    });
  } catch (cause) {
    throw new ClusterError('CLUSTER_PACKAGE_MISSING', `Install: ${missing.join(', ')}.`, { cause });
  }
}
