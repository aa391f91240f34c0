import type { KubeClient } from '../kube/client.ts';
import { createInformer } from '../kube/informer.ts';
import type { KubeLogger } from '../kube/logger.ts';
import { objectKey, type KubeObject } from '../kube/object.ts';
import { builtin } from '../kube/resource-type.ts';
import { parseFrontProxyTrust, type FrontProxyTrust } from './authentication.ts';

/** Follows whom the API server's aggregator may speak for. */
export type FrontProxy = {
  start(): void;
  stop(): Promise<void>;
  /** Undefined when the cluster publishes nothing (yet): then nobody is trusted. */
  trust(): FrontProxyTrust | undefined;
  isSynced(): boolean;
};

type ConfigMap = KubeObject & { data?: Readonly<Record<string, string>> };

const published = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };

/** `onChange` is called when `trust()` was read for the first time, and whenever it changes. */
export function createFrontProxy(options: {
  readonly client: KubeClient;
  readonly logger: KubeLogger;
  readonly onChange: () => void;
}): FrontProxy {
  const { client, logger, onChange } = options;
  const configMaps = createInformer<ConfigMap>({
    client,
    logger,
    type: builtin.configMap,
    namespace: published.namespace,
    fieldSelector: `metadata.name=${published.name}`,
  });
  let trust: FrontProxyTrust | undefined;
  configMaps.onChange(() => {
    try {
      trust = parseFrontProxyTrust(configMaps.get(objectKey(published))?.data ?? {});
    } catch (err) {
      // What cannot be read must not be trusted; the API server writes it anew when it starts.
      trust = undefined;
      logger.error({ err, ...published }, 'Front-proxy settings unreadable');
    }
    onChange();
  });

  return {
    start() {
      configMaps.start();
      void configMaps.synced.then(onChange);
    },
    stop: () => configMaps.stop(),
    trust: () => trust,
    isSynced: () => configMaps.isSynced(),
  };
}
