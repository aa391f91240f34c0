import { KubeConfig } from '@kubernetes/client-node';
import { KubeError } from './errors.ts';

/**
 * Finds the cluster as kubectl does: the named file, else $KUBECONFIG, else ~/.kube/config, else the service account
 * of the pod. `context` chooses one of the file's contexts; an unknown one is a `KUBE_CONFIG` error that lists them.
 */
export function loadKubeConfig(
  options: { kubeconfigPath?: string; context?: string } = {},
): KubeConfig {
  const kubeConfig = new KubeConfig();
  try {
    if (options.kubeconfigPath === undefined) kubeConfig.loadFromDefault();
    else kubeConfig.loadFromFile(options.kubeconfigPath);
  } catch (cause) {
    throw new KubeError('KUBE_CONFIG', 'Kubeconfig cannot be read', { cause });
  }
  if (options.context !== undefined) {
    const known = kubeConfig.getContexts().map((context) => context.name);
    if (!known.includes(options.context)) {
      throw new KubeError(
        'KUBE_CONFIG',
        `Context "${options.context}" is not in the kubeconfig; it has: ${known.join(', ')}`,
      );
    }
    kubeConfig.setCurrentContext(options.context);
  }
  return kubeConfig;
}
