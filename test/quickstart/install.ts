import type { Images } from '../cluster/images/image-set.ts';
import { runCommand } from '../terminal/run-command.ts';
import type { Cluster } from './find-cluster.ts';

export const operatorNamespace = 'cqrs-system';
const operatorRelease = 'cqrs-operator';
const helmTimeoutMs = 6 * 60_000;

/** Splits `repository:tag`; a colon before the last slash is a port and no tag. */
function splitReference(reference: string): { repository: string; tag: string } {
  const colon = reference.lastIndexOf(':');
  return colon > reference.lastIndexOf('/')
    ? { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) }
    : { repository: reference, tag: 'latest' };
}

export type ImageReferences = { readonly [name in keyof Images]?: string };

/** The images that were built here, by their references. */
export function imageReferences(images: Images): ImageReferences {
  const references = Object.entries(images).map(([name, { reference }]) => [name, reference]);
  return Object.fromEntries(references) as ImageReferences;
}

function imageSettings(references: ImageReferences): string[] {
  return Object.entries(references).flatMap(([name, reference]) => {
    const { repository, tag } = splitReference(reference);
    return ['--set-string', `images.${name}.repository=${repository},images.${name}.tag=${tag}`];
  });
}

async function helm(cluster: Cluster, args: readonly string[]): Promise<string> {
  const { code, stdout, output } = await runCommand(
    cluster.helm.binary,
    [...cluster.helm.connection, ...args],
    {
      timeoutMs: helmTimeoutMs,
    },
  );
  if (code !== 0) throw new Error(`helm ${args.slice(0, 3).join(' ')} failed: ${output.trim()}`);
  return stdout;
}

export async function installOperator(
  cluster: Cluster,
  references: ImageReferences,
): Promise<void> {
  await helm(cluster, [
    'upgrade',
    '--install',
    operatorRelease,
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

/** Which installation of the operator is there now, for `rollBackOperator`; undefined where there is none. */
export async function operatorRevision(cluster: Cluster): Promise<string | undefined> {
  const filter = ['--filter', `^${operatorRelease}$`];
  const place = ['--namespace', operatorNamespace];
  const text = await helm(cluster, ['list', ...filter, ...place, '--output', 'json']);
  const releases = JSON.parse(text) as readonly { readonly revision: string }[];
  return releases[0]?.revision;
}

/** Gives back what was there before an `installOperator`. */
export async function rollBackOperator(
  cluster: Cluster,
  revision: string | undefined,
): Promise<void> {
  if (revision === undefined) {
    await uninstallOperator(cluster);
    return;
  }
  const place = ['--namespace', operatorNamespace];
  const waiting = ['--wait', '--timeout', '4m'];
  await helm(cluster, ['rollback', operatorRelease, revision, ...place, ...waiting]);
}

export async function uninstallOperator(cluster: Cluster): Promise<void> {
  await helm(cluster, [
    'uninstall',
    operatorRelease,
    '--namespace',
    operatorNamespace,
    '--ignore-not-found',
    '--wait',
    '--timeout',
    '2m',
  ]);
}

/** Installs a chart of a CqrsService and waits as `helm --wait` does. */
export async function installChart(
  cluster: Cluster,
  options: {
    readonly release: string;
    readonly chart: string;
    readonly namespace: string;
    readonly servicesImage: string;
  },
): Promise<void> {
  const { repository, tag } = splitReference(options.servicesImage);
  await helm(cluster, [
    'upgrade',
    '--install',
    options.release,
    options.chart,
    '--namespace',
    options.namespace,
    '--set-string',
    `test.image.repository=${repository},test.image.tag=${tag}`,
    '--wait',
    '--timeout',
    '4m',
  ]);
}

export async function helmTest(
  cluster: Cluster,
  release: string,
  namespace: string,
): Promise<void> {
  await helm(cluster, ['test', release, '--namespace', namespace, '--timeout', '2m']);
}
