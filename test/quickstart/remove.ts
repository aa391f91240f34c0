import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../cluster/tools/tools.ts';
import type { Terminal } from '../terminal/progress.ts';
import { removeExamples } from './examples.ts';
import { deleteCluster, openCluster, type Cluster, type ClusterChoice } from './find-cluster.ts';
import { uninstallOperator } from './install.ts';

/** `made`: the cluster itself came from `npm start`, so it goes as a whole. */
export type Started = { readonly choice: ClusterChoice; readonly made: boolean };

const recordPath = (): string => join(cacheFolder(), 'quickstart.json');

/** Remembers where `npm start` went, so that `npm stop` removes exactly that and asks nothing. */
export async function recordCluster(choice: ClusterChoice, cluster: Cluster): Promise<void> {
  const before = await startedBefore();
  const made = !cluster.existed || (before?.made === true && before.choice.kind === choice.kind);
  const started: Started = { choice, made };
  await mkdir(cacheFolder(), { recursive: true });
  await writeFile(recordPath(), JSON.stringify(started));
}

export async function startedBefore(): Promise<Started | null> {
  try {
    return JSON.parse(await readFile(recordPath(), 'utf8')) as Started;
  } catch {
    return null;
  }
}

/** Undoes `npm start`: a cluster that it made goes as a whole; from any other only what was put there. */
export async function removeEverything(terminal: Terminal): Promise<void> {
  const started = await startedBefore();
  if (started === null) {
    terminal.line('Nothing to stop: no `npm start` is on record.');
    return;
  }
  const { choice, made } = started;
  if (made && choice.kind !== 'given') {
    const { kind } = choice;
    await terminal.step(`remove the ${kind} cluster`, async (update) =>
      deleteCluster(kind, update),
    );
  } else {
    const cluster = await terminal.step('find what was started', async (update) =>
      openCluster(choice, update),
    );
    await terminal.step('remove the examples', async () => removeExamples(cluster.kubectl));
    await terminal.step('helm uninstall cqrs-operator', async () => uninstallOperator(cluster));
    terminal.line(`  ${cluster.title} itself was there before and stays`);
  }
  await rm(recordPath(), { force: true });
}
