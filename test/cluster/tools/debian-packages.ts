/** Programs that a machine lacks come from Debian's own packages. */
import { ClusterError } from './cluster-error.ts';
import { commandSucceeds, run } from './command.ts';

const installTimeoutMs = 600_000;

/**
 * Installs the packages whose command is missing; `packagesByCommand` says which package brings which command.
 * Throws CLUSTER_PACKAGE_MISSING, naming them, when that fails.
 */
export async function ensurePackages(
  packagesByCommand: Readonly<Record<string, string>>,
): Promise<void> {
  const missing: string[] = [];
  for (const [command, name] of Object.entries(packagesByCommand)) {
    if (!(await commandSucceeds('sh', ['-c', `command -v ${command}`]))) missing.push(name);
  }
  if (missing.length > 0) await installPackages(missing);
}

/** Throws CLUSTER_PACKAGE_MISSING, naming them, when they cannot be installed. */
export async function installPackages(names: readonly string[]): Promise<void> {
  await withPackageLists(names, () =>
    apt(['install', '--yes', '--no-install-recommends', ...names]),
  );
}

/** Puts a package's archive into `folder` and installs nothing. Throws CLUSTER_PACKAGE_MISSING when that fails. */
export async function downloadPackage(name: string, folder: string): Promise<void> {
  await withPackageLists([name], () => apt(['download', name], folder));
}

/** A machine that never fetched the package lists knows no package, so a failed try is repeated once after that. */
async function withPackageLists(
  names: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work().catch(async () => {
      await apt(['update']);
      await work();
    });
  } catch (cause) {
    throw new ClusterError('CLUSTER_PACKAGE_MISSING', `Install: ${names.join(', ')}.`, { cause });
  }
}

async function apt(args: readonly string[], cwd?: string): Promise<void> {
  await run('apt-get', args, {
    timeoutMs: installTimeoutMs,
    env: { DEBIAN_FRONTEND: 'noninteractive' },
    ...(cwd === undefined ? {} : { cwd }),
  });
}
