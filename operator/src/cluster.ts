import { randomBytes } from 'node:crypto';
import type { Config } from './config.ts';
import { createCaches } from './controllers/cqrs-service/caches.ts';
import { createApplier } from './kube/apply.ts';
import { createClient } from './kube/client.ts';
import { systemClock as clock } from './kube/clock.ts';
import { openKubeConfig } from './kube/plain-config.ts';
import { createLeadership } from './leadership.ts';
import type { Logger } from './telemetry/logger.ts';
import { createTelemetry } from './telemetry/metrics.ts';

const fieldManager = 'cqrs-operator';
const hashAnnotation = 'cqrs.dev/applied-hash';
const passwordBytes = 24;
// A key of HMAC-SHA-256 gains nothing from more.
const tokenKeyBytes = 32;
// So that a thousand services do not come due in the same second.
const resyncSpread = 0.1;

export type Cluster = Awaited<ReturnType<typeof connect>>;

/** The way to the cluster, and what of it is known and written. Nothing is sent yet. */
export async function connect(config: Config, logger: Logger) {
  const { registry, kube: metrics } = createTelemetry();
  const { kubeconfig, context, images, logLevel, resyncMs } = config;
  const kubeConfig = await openKubeConfig({
    ...(kubeconfig !== undefined && { kubeconfigPath: kubeconfig }),
    ...(context !== undefined && { context }),
  });
  const way = { kubeConfig, metrics, logger, userAgent: fieldManager };
  const client = createClient({
    ...way,
    ...(config.leaderElection && { mayWrite: () => leadership.isLeader() }),
  });
  const namespace = config.namespace ?? client.namespace ?? 'default';
  const leadership = createLeadership({ ...way, config, namespace });
  const shared = { client, metrics, logger, clock };
  const statusManager = `${fieldManager}/status`;
  return {
    registry,
    shared,
    client,
    namespace,
    leadership,
    caches: createCaches({ ...shared, namespaces: config.watchNamespaces }),
    applier: createApplier({ client, fieldManager, hashAnnotation }),
    statusApplier: createApplier({ client, fieldManager: statusManager, hashAnnotation }),
    settings: {
      images,
      logLevel,
      newPassword: () => randomBytes(passwordBytes).toString('base64url'),
      newTokenKey: () => randomBytes(tokenKeyBytes).toString('base64'),
    },
    resyncMs: () => resyncMs * (1 + resyncSpread * (Math.random() - 0.5)),
  };
}
