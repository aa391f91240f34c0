/** The container runtime with its networks for pods, and how its leftovers are cleared away. */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { addresses, containerdSocket, runFolder, stateFolders } from './layout.ts';
import { commandSucceeds, run } from '../tools/command.ts';
import { acceptsConnections } from './probe.ts';
import type { Part } from './processes.ts';
import { eventually } from '../../support/eventually.ts';

export const sandboxImage = 'cqrs.local/pause:1';

const criNamespace = 'k8s.io';
const containerEndTimeoutMs = 10_000;

export function containerd(tools: {
  containerd: string;
  'containerd-shim-runc-v2': string;
  ptp: string;
}): Part {
  const folders = stateFolders();
  const configPath = join(folders.config, 'containerd.toml');
  const networksFolder = join(folders.config, 'cni');
  return {
    name: 'containerd',
    command: tools.containerd,
    args: [`--config=${configPath}`],
    path: [dirname(tools['containerd-shim-runc-v2']), '/usr/sbin', '/sbin'],
    files: {
      [configPath]: runtimeConfig(dirname(tools.ptp), networksFolder),
      [join(networksFolder, '10-pods.conflist')]: podNetwork(),
    },
    isReady: async () => acceptsConnections(containerdSocket),
  };
}

/** Imports an OCI archive under the full name that it carries. */
export async function importImage(ctr: string, archivePath: string): Promise<void> {
  await run(ctr, [...ctrFlags(), 'images', 'import', archivePath]);
}

/** True when the image is there; `name` is the full one, with its registry and tag. */
export async function hasImage(ctr: string, name: string): Promise<boolean> {
  const names = await run(ctr, [...ctrFlags(), 'images', 'list', '--quiet']);
  return names.split('\n').includes(name);
}

/**
 * Asks every container to end, then ends what is left and forgets all of them. Needs containerd,
 * and no kubelet.
 */
export async function removeContainers(ctr: string): Promise<void> {
  const list = async (kind: 'tasks' | 'containers'): Promise<string[]> => {
    const ids = await run(ctr, [...ctrFlags(), kind, 'list', '--quiet']);
    return ids.split('\n').filter((id) => id !== '');
  };
  const hasNoneRunning = async (): Promise<boolean> => {
    const tasks = await run(ctr, [...ctrFlags(), 'tasks', 'list']);
    return !tasks.includes('RUNNING');
  };
  const kill = async (signal: string): Promise<void> => {
    for (const id of await list('tasks')) {
      await commandSucceeds(ctr, [...ctrFlags(), 'tasks', 'kill', '--signal', signal, id]);
    }
  };
  await kill('SIGTERM');
  await eventually('containers to end', containerEndTimeoutMs, hasNoneRunning).catch(async () =>
    kill('SIGKILL'),
  );
  for (const id of await list('tasks')) {
    await commandSucceeds(ctr, [...ctrFlags(), 'tasks', 'delete', '--force', id]);
  }
  for (const id of await list('containers')) {
    await commandSucceeds(ctr, [...ctrFlags(), 'containers', 'delete', id]);
  }
}

/**
 * Unmounts all that lies below the cluster's folders, the deepest first, and removes what only
 * makes sense while it runs.
 */
export async function unmountAll(): Promise<void> {
  for (const path of (await mounts()).toReversed()) {
    await commandSucceeds('umount', ['--lazy', path]);
  }
  await rm(runFolder, { recursive: true, force: true });
}

/** The mounts below the cluster's folders, in the order they were made (proc(5), `mounts`). */
export async function mounts(): Promise<string[]> {
  const table = await readFile('/proc/self/mounts', 'utf8');
  const owned = [runFolder, stateFolders().root];
  return table
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => owned.some((folder) => path.startsWith(`${folder}/`)));
}

export async function ensureRunFolder(): Promise<void> {
  await mkdir(runFolder, { recursive: true, mode: 0o700 });
}

function ctrFlags(): string[] {
  return ['--address', containerdSocket, '--namespace', criNamespace];
}

/** Containerd's own configuration, version 3. */
function runtimeConfig(networkPrograms: string, networksFolder: string): string {
  const { containerd: root } = stateFolders();
  return `version = 3
root = "${root}"
state = "${runFolder}/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri"]

[grpc]
  address = "${containerdSocket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "${root}/opt"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "${sandboxImage}"

[plugins."io.containerd.cri.v1.runtime"]
  # Lowering a score needs CAP_SYS_RESOURCE, which root of a virtual machine may lack.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["${networkPrograms}"]
    conf_dir = "${networksFolder}"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
`;
}

/**
 * One pair of interfaces a pod, and routing between them: unlike on a bridge, every packet passes
 * the rules of kube-proxy, whichever modules the kernel has.
 */
function podNetwork(): string {
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: join(runFolder, 'addresses'),
          ranges: [[{ subnet: addresses.podCidr }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  });
}
