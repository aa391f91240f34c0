import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../cluster/tools/tools.ts';
import type { Terminal } from '../terminal/progress.ts';
import { removeExamples } from './examples.ts';
import { openCluster, type ClusterChoice } from './find-cluster.ts';
import { uninstallOperator } from './install.ts';

const recordPath = (): string => join(cacheFolder(), 'quickstart.json');

/** Remembers where `npm start` went, so that `npm stop` removes exactly that and asks nothing. */
export async function recordCluster(choice: ClusterChoice): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true });
  await writeFile(recordPath(), JSON.stringify(choice));
}

async function recordedChoice(): Promise<ClusterChoice | null> {
  try {
    return JSON.parse(await readFile(recordPath(), 'utf8')) as ClusterChoice;
  } catch {
    return null;
  }
}

/** Undoes `npm start`: our own cluster goes as a whole; from a cluster of the user's only what was put there. */
export async function removeEverything(terminal: Terminal): Promise<void> {
  const choice = await recordedChoice();
  if (choice === null) {
    terminal.line('Nothing to stop: no `npm start` is on record.');
    return;
  }
  const cluster = await terminal.step('find what was started', async (update) =>
    openCluster(choice, update),
  );
  const { remove } = cluster;
  if (remove === null) {
    await terminal.step('remove the examples', async () => removeExamples(cluster.kubectl));
    await terminal.step('helm uninstall cqrs-operator', async () => uninstallOperator(cluster));
  } else {
    await terminal.step(`stop ${cluster.title}`, async (update) => remove(update));
  }
  await rm(recordPath(), { force: true });
}
