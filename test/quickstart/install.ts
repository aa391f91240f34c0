import type { Images } from '../cluster/images/build.ts';
import { runCommand } from '../terminal/run-command.ts';
import type { Cluster } from './find-cluster.ts';

export const operatorNamespace = 'cqrs-system';
const release = 'cqrs-operator';
const helmTimeoutMs = 6 * 60_000;

/** Splits `repository:tag`; a colon before the last slash is a port and no tag. */
export function splitReference(reference: string): { repository: string; tag: string } {
  const colon = reference.lastIndexOf(':');
  return colon > reference.lastIndexOf('/')
    ? { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) }
    : { repository: reference, tag: 'latest' };
}

export type ImageReferences = Partial<Record<keyof Images, string>>;

function imageSettings(references: ImageReferences): string[] {
  return Object.entries(references).flatMap(([name, reference]) => {
    const { repository, tag } = splitReference(reference);
    return ['--set-string', `images.${name}.repository=${repository},images.${name}.tag=${tag}`];
  });
}

async function helm(cluster: Cluster, args: readonly string[]): Promise<void> {
  const { code, output } = await runCommand(
    cluster.helm.binary,
    [...cluster.helm.connection, ...args],
    {
      timeoutMs: helmTimeoutMs,
    },
  );
  if (code !== 0) throw new Error(`helm ${args.slice(0, 3).join(' ')} failed: ${output.trim()}`);
}

export async function installOperator(
  cluster: Cluster,
  references: ImageReferences,
): Promise<void> {
  await helm(cluster, [
    'upgrade',
    '--install',
    release,
    'charts/cqrs-operator',
    '--namespace',
    operatorNamespace,
    '--create-namespace',
    ...imageSettings(references),
    '--wait',
    '--timeout',
    '4m',
  ]);
}

export async function uninstallOperator(cluster: Cluster): Promise<void> {
  await helm(cluster, [
    'uninstall',
    release,
    '--namespace',
    operatorNamespace,
    '--ignore-not-found',
    '--wait',
    '--timeout',
    '2m',
  ]);
}
