import { readFile } from 'node:fs/promises';
import type { Kubectl } from './kubectl.ts';

/** One second of the load, as read-load.ts prints it. */
type LoadSecond = {
  readonly served: number;
  readonly refused: number;
  readonly failed: number;
  readonly inFlight: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

export type LoadPod = {
  readonly seconds: () => readonly LoadSecond[];
  readonly stop: () => Promise<void>;
};

const podName = 'read-load';
const script = new URL('../load/read-load.ts', import.meta.url);

function manifests(image: string, args: readonly string[], source: string): unknown {
  const restricted = {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  };
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: podName },
        data: { 'read-load.ts': source },
      },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: podName },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 5,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65_532,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          volumes: [{ name: 'script', configMap: { name: podName } }],
          containers: [
            {
              name: 'load',
              image,
              imagePullPolicy: 'IfNotPresent',
              args: ['/load/read-load.ts', ...args],
              securityContext: restricted,
              resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } },
              volumeMounts: [{ name: 'script', mountPath: '/load' }],
            },
          ],
        },
      },
    ],
  };
}

/** Starts the read load inside the cluster, where it meets the Service the way clients do, and follows its report. */
export async function startLoadPod(
  kubectl: Kubectl,
  options: {
    readonly namespace: string;
    readonly image: string;
    readonly url: string;
    readonly readsPerSecond: number;
    readonly seconds: number;
    readonly keys: readonly string[];
  },
): Promise<LoadPod> {
  const { namespace, image, url, readsPerSecond, seconds, keys } = options;
  const args = [url, String(readsPerSecond), String(seconds), ...keys];
  const remove = [
    'delete',
    'pod,configmap',
    podName,
    '-n',
    namespace,
    '--ignore-not-found',
    '--wait',
  ];
  await kubectl.run(remove);
  await kubectl.run(
    ['apply', '-n', namespace, '-f', '-'],
    JSON.stringify(manifests(image, args, await readFile(script, 'utf8'))),
  );
  await kubectl.run([
    'wait',
    '-n',
    namespace,
    '--for=condition=Ready',
    `pod/${podName}`,
    '--timeout=60s',
  ]);
  const taken: LoadSecond[] = [];
  const logs = kubectl.start(['logs', '-n', namespace, '-f', podName]);
  let partial = '';
  logs.stdout?.on('data', (chunk: Buffer) => {
    const lines = `${partial}${chunk.toString('utf8')}`.split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('{')) taken.push(JSON.parse(line) as LoadSecond);
  });
  return {
    seconds: () => taken,
    stop: async () => {
      await kubectl.run(remove);
      logs.kill();
    },
  };
}
