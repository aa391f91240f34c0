import { ensureTools } from '../cluster/tools/tools.ts';
import type { ApiServer } from './apiserver.ts';
import { freePort } from './loopback-port.ts';
import { startChild, temporaryFolder, type Child } from './process.ts';

/** Runs these loops of kube-controller-manager, such as `namespace-controller`, against an API server. */
export async function startControllers(
  { kubeconfigPath }: ApiServer,
  names: readonly string[],
): Promise<Child> {
  const tools = await ensureTools(['kube-controller-manager'], () => undefined);
  const command = [
    tools['kube-controller-manager'],
    `--kubeconfig=${kubeconfigPath}`,
    `--controllers=${names.join(',')}`,
    `--secure-port=${await freePort()}`,
    '--bind-address=127.0.0.1',
    '--leader-elect=false',
  ];
  return startChild(command, { cwd: await temporaryFolder('controller-manager') });
}
