/**
 * The local cluster: a real Kubernetes of one node on a bare Linux machine, as root, without a
 * Docker engine and without a registry.
 *
 *   node test/cluster/local/main.ts up              start it, or heal what died; seconds when it runs, minutes the first time
 *   node test/cluster/local/main.ts status          which parts run, and where their logs are
 *   node test/cluster/local/main.ts down [--purge]  stop it; --purge also forgets its objects, images and volumes
 *
 * `up` prints the path of the kubeconfig, a file of its own: no other kubeconfig is touched.
 *
 * What it is made of: all programs are built from pinned Go modules (`../tools`) and run as plain
 * processes in one network namespace, which a pair of interfaces joins to the host. The host
 * reaches pods and Services by their addresses, pods reach the host, and the host's own rules and
 * routes stay as they were, apart from two routes into 198.18.0.0/15. DNS is CoreDNS as a process;
 * volumes are folders that a small program of ours offers as `local` volumes (class `local-path`,
 * the default one). State and logs lie in the cache folder of the project, sockets under /run. The
 * kubelet sets a few kernel parameters (such as kernel.panic) as it does on any node.
 *
 * Images come in with `ctr images import`. The kubelet looks an image without a registry in its
 * name up under the default registry's name, so import it under that, or give it a name of its own
 * such as `cqrs.local/busybox:1`, which is there.
 */
import { stateFolders } from './layout.ts';
import { status, up } from './cluster.ts';
import { down } from './down.ts';
import type { StepProgress } from './steps.ts';

const [command = '', ...flags] = process.argv.slice(2);
const commands: Record<string, () => Promise<void>> = {
  up: async () => {
    const cluster = await up(printStep);
    print(`Ready. kubectl: ${cluster.kubectlPath}`);
    print(`export KUBECONFIG=${cluster.kubeconfigPath}`);
  },
  status: async () => {
    for (const { name, pid, logPath } of await status()) {
      print(
        `${name.padEnd(24)} ${pid === undefined ? 'stopped' : `pid ${pid}`.padEnd(12)} ${logPath}`,
      );
    }
    print(`kubeconfig ${stateFolders().kubeconfig}`);
  },
  down: async () => down(printStep, { purge: flags.includes('--purge') }),
};

const run = commands[command];
if (run === undefined) {
  process.stderr.write('Say one of: up, status, down [--purge].\n');
  process.exit(2);
}
try {
  await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printStep({ step, state, seconds }: StepProgress): void {
  if (state !== 'running') {
    print(`${step.padEnd(30)} ${state} in ${seconds.toFixed(1)} s`);
  }
}
