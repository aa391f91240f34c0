/**
 * `helm --wait` on a CqrsService: Helm 4 judges custom resources by kstatus, so it must come back when the service is
 * Ready and not before, give up when it does not become so, and not wait at all for what only a person can mend.
 */
import { fileURLToPath } from 'node:url';
import type { ServiceStatus } from '@cqrs/contract/ops-status.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findCondition } from '../../operator/src/api/v1alpha1/conditions.ts';
import { customResourceDefinition } from '../../operator/src/api/v1alpha1/crd.ts';
import { cqrsServiceType, type CqrsService } from '../../operator/src/api/v1alpha1/schema.ts';
import { createClient, type KubeClient } from '../../operator/src/kube/client.ts';
import { KubeError } from '../../operator/src/kube/errors.ts';
import type { Manifest } from '../../operator/src/kube/object.ts';
import { builtin } from '../../operator/src/kube/resource-type.ts';
import { ensureTools } from '../cluster/tools/tools.ts';
import { startApiServer, type ApiServer } from '../support/apiserver.ts';
import { kstatusOf } from '../support/kstatus.ts';
import { startOperator, type OperatorProcess } from '../support/operator-process.ts';
import { playPod, playWorkloadsReady, type PlayedPod } from '../support/played-pods.ts';
import { eventually } from '../support/eventually.ts';
import { run, temporaryFolder } from '../support/process.ts';

const chart = fileURLToPath(new URL('../../charts/cqrs-service', import.meta.url));
const soonMs = 45_000;
const helmMsMax = 120_000;

let apiServer: ApiServer;
let admin: KubeClient;
let operator: OperatorProcess | undefined;
let helmPath: string;
let home: string;
const played: PlayedPod[] = [];

beforeAll(async () => {
  helmPath = (await ensureTools(['helm'], () => undefined)).helm;
  home = await temporaryFolder('helm');
  apiServer = await startApiServer();
  admin = createClient({ kubeConfig: apiServer.kubeConfig });
  await admin.create(builtin.customResourceDefinition, customResourceDefinition());
});

afterAll(async () => {
  await operator?.stop();
  await Promise.all(played.map((pod) => pod.fallSilent()));
  await admin?.close();
  await apiServer?.stop();
});

async function newNamespace(name: string): Promise<string> {
  await admin.create(builtin.namespace, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  });
  return name;
}

type Outcome = { readonly ended: boolean; readonly error: string | undefined };

/** Runs Helm on the release orders; `outcome()` tells how far it is. */
function helm(namespace: string, verb: 'install' | 'upgrade', options: readonly string[]) {
  let outcome: Outcome = { ended: false, error: undefined };
  const connection = [`--kubeconfig=${apiServer.kubeconfigPath}`, `--namespace=${namespace}`];
  const command = [helmPath, verb, 'orders', chart, ...connection, '--wait', ...options];
  const env = { HELM_CONFIG_HOME: home, HELM_CACHE_HOME: home, HELM_DATA_HOME: home };
  const end = run(command, { timeoutMs: helmMsMax, env }).then(
    () => void (outcome = { ended: true, error: undefined }),
    (error: unknown) => void (outcome = { ended: true, error: String(error) }),
  );
  return {
    outcome: () => outcome,
    end: async (): Promise<Outcome> => {
      await end;
      return outcome;
    },
  };
}

async function find(namespace: string): Promise<CqrsService | undefined> {
  const ref = { namespace, name: 'orders' };
  return admin.get<CqrsService>(cqrsServiceType, ref).catch((error: unknown) => {
    if (error instanceof KubeError && error.isNotFound) return undefined;
    throw error;
  });
}

async function untilPass(namespace: string, generation: number): Promise<CqrsService> {
  return eventually(`a pass over generation ${generation}`, soonMs, async () => {
    const found = await find(namespace);
    return found?.status?.observedGeneration === generation && found;
  });
}

const relay: ServiceStatus = {
  program: 'relay',
  streaming: true,
  error: null,
  errorCode: null,
  lagBytes: 0,
  eventsPublished: 0,
};
const projector: ServiceStatus = {
  program: 'projector',
  error: null,
  errorCode: null,
  views: [
    {
      view: 'notes',
      lagEvents: 0,
      lagSeconds: 0,
      partitions: [],
      halted: [],
      haltedKeys: [],
      haltedKeyCount: 0,
    },
  ],
};

test('as long as no operator has seen it, Helm waits', async () => {
  const namespace = await newNamespace('unseen');
  const install = helm(namespace, 'install', ['--timeout=4s']);
  const { error } = await install.end();
  expect(error).toContain('CqrsService/unseen/orders not ready. status: InProgress');
  const service = await find(namespace);
  expect(service?.status).toEqual({ observedGeneration: -1 });
});

test('Helm comes back when the service is Ready, after an upgrade for the new generation', async () => {
  operator = await startOperator(apiServer.kubeconfigPath, [
    '--resync-seconds=1',
    '--status-refresh-seconds=1',
    '--pod-status=direct',
  ]);
  const namespace = await newNamespace('ready');
  const install = helm(namespace, 'install', ['--timeout=100s']);
  await untilPass(namespace, 1);
  const play = async (deployment: string, address: string, said: ServiceStatus): Promise<void> => {
    played.push(await playPod(admin, { namespace, deployment, address, said }));
  };
  await play('orders-relay', '127.91.0.2', relay);
  await playWorkloadsReady(admin, namespace);
  await eventually('only the projector to be missing', soonMs, async () => {
    const conditions = (await find(namespace))?.status?.conditions ?? [];
    const message = findCondition(conditions, 'Ready')?.message ?? '';
    return message.startsWith('ProjectionCaughtUp: ');
  });
  expect(install.outcome()).toEqual({ ended: false, error: undefined });

  await play('orders-projector', '127.91.0.3', projector);
  expect(await install.end()).toEqual({ ended: true, error: undefined });
  const installed = await untilPass(namespace, 1);
  expect(kstatusOf(installed)).toBe('Current');

  const upgrade = helm(namespace, 'upgrade', ['--set=command.replicas=3', '--timeout=100s']);
  const unsettled = await untilPass(namespace, 2);
  // The Deployment controller has not looked yet.
  expect(kstatusOf(unsettled)).toBe('InProgress');
  expect(upgrade.outcome()).toEqual({ ended: false, error: undefined });
  await playWorkloadsReady(admin, namespace);
  expect(await upgrade.end()).toEqual({ ended: true, error: undefined });
  expect(kstatusOf(await untilPass(namespace, 2))).toBe('Current');
});

test('Helm gives up at its timeout and says what is missing', async () => {
  const namespace = await newNamespace('late');
  const { error } = await helm(namespace, 'install', ['--timeout=8s']).end();
  expect(error).toContain('CqrsService/late/orders not ready. status: InProgress');
  expect(error).toContain('Not everything runs yet. StoresReady: No postgres pod is ready.');
});

test('Helm does not wait for what only a person can mend', async () => {
  const namespace = await newNamespace('stalled');
  await admin.create<Manifest>(builtin.service, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'orders-query', namespace },
    spec: { selector: { mine: 'yes' }, ports: [{ port: 80 }] },
  });
  const startedMs = performance.now();
  const { error } = await helm(namespace, 'install', ['--timeout=100s']).end();
  expect(error).toContain('CqrsService/stalled/orders not ready. status: Failed');
  expect(error).toContain('Service orders-query exists and was not made by this operator.');
  expect(performance.now() - startedMs).toBeLessThan(60_000);
});
