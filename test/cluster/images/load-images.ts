/** Brings built images into the nodes of a cluster; an image that is there already is left alone. */
import { run } from '../tools/command.ts';
import { ClusterError } from '../tools/cluster-error.ts';
import { imageNames, timed } from './image-set.ts';
import type { Image, ImageName, Images, Report } from './image-set.ts';

const importTimeoutMs = 300_000;

/**
 * Imports into containerd, where the kubelet of the local cluster looks.
 * Throws CLUSTER_COMMAND_FAILED, also when an archive does not hold the image it is named for.
 */
export async function loadImages(
  images: Images,
  cluster: { ctrPath: string; containerdSocket: string },
  report: Report = () => undefined,
): Promise<void> {
  const store = ['--address', cluster.containerdSocket, '--namespace', 'k8s.io', 'images'];
  const ctr = async (...args: string[]): Promise<string> =>
    run(cluster.ctrPath, [...store, ...args], { timeoutMs: importTimeoutMs });
  await loadMissing(images, await ctr('list', '--quiet'), report, async ({ archivePath }) => {
    await ctr('import', archivePath);
  });
  const [lost] = missing(images, await ctr('list', '--quiet'));
  if (lost !== undefined) {
    throw new ClusterError(
      'CLUSTER_COMMAND_FAILED',
      `${images[lost].archivePath} brought no ${images[lost].reference}: remove the file and try again.`,
    );
  }
}

/** Loads into the nodes of a kind cluster. Throws CLUSTER_COMMAND_FAILED. */
export async function loadImagesIntoKind(
  images: Images,
  cluster: { kindPath: string; clusterName: string },
  report: Report = () => undefined,
): Promise<void> {
  const { kindPath, clusterName } = cluster;
  const nodes = await run(kindPath, ['get', 'nodes', '--name', clusterName]);
  const [node = ''] = nodes.trim().split('\n');
  const list = ['exec', node, 'ctr', '--namespace', 'k8s.io', 'images', 'list', '--quiet'];
  await loadMissing(images, await run('docker', list), report, async ({ archivePath }) => {
    const args = ['load', 'image-archive', archivePath, '--name', clusterName];
    await run(kindPath, args, { timeoutMs: importTimeoutMs });
  });
}

async function loadMissing(
  images: Images,
  listed: string,
  report: Report,
  load: (image: Image) => Promise<void>,
): Promise<void> {
  const absent = missing(images, listed);
  for (const name of imageNames) {
    const step = `load ${name}`;
    if (absent.includes(name)) {
      await timed(report, step, async () => load(images[name]));
    } else {
      report({ step, state: 'cached', seconds: 0 });
    }
  }
}

/** `listed` has a reference a line, as `ctr images list --quiet` prints them. */
function missing(images: Images, listed: string): ImageName[] {
  const present = new Set(listed.split('\n'));
  return imageNames.filter((name) => !present.has(images[name].reference));
}
