import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { up } from './cluster.ts';
import type { LocalCluster } from './cluster.ts';
import { run } from '../tools/command.ts';
import { busyboxImage } from './images.ts';
import { answersOk } from './probe.ts';
import { eventually } from '../../support/eventually.ts';

const namespace = 'cqrs-local-check';
const rolloutTimeoutMs = 60_000;
const replicas = 6;

let cluster: LocalCluster;

async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const flags = ['--kubeconfig', cluster.kubeconfigPath, '--request-timeout=60s', '-n', namespace];
  return run(cluster.kubectlPath, [...flags, ...args], input === undefined ? {} : { input });
}

const restricted = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const podSecurity = {
  runAsNonRoot: true,
  runAsUser: 10_001,
  fsGroup: 10_001,
  seccompProfile: { type: 'RuntimeDefault' },
};

function container(script: string): object {
  // The shell is the container's first process, which ends on SIGTERM only if it says so.
  const command = ['sh', '-c', `trap 'exit 0' TERM; ${script}`];
  return { name: 'main', image: busyboxImage, command, securityContext: restricted };
}

const serve = 'hostname > /tmp/index.html; httpd -f -p 8080 -h /tmp & wait';
const write = 'echo written > /data/file; sleep 3600 & wait';
const claim = {
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
};

const manifests = [
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: namespace,
      labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
    },
  },
  workload('Deployment', 'web', { replicas: 2 }, { containers: [container(serve)] }),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace },
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
  },
  workload(
    'StatefulSet',
    'store',
    { serviceName: 'store', volumeClaimTemplates: [claim] },
    {
      containers: [{ ...container(write), volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
    },
  ),
];

function workload(kind: string, name: string, spec: object, podSpec: object): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace },
    spec: {
      ...spec,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { securityContext: podSecurity, ...podSpec } },
    },
  };
}

async function lookUp(name: string): Promise<string> {
  return kubectl(['exec', 'store-0', '--', 'nslookup', '-type=a', name]);
}

async function serviceUrl(): Promise<string> {
  const address = await kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}']);
  return `http://${address}/index.html`;
}

beforeAll(async () => {
  cluster = await up(() => undefined);
  await kubectl(
    ['apply', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }),
  );
  await kubectl(['rollout', 'status', 'deployment/web']);
  await kubectl(['rollout', 'status', 'statefulset/store']);
});

afterAll(async () => {
  await kubectl(['delete', 'namespace', namespace, '--timeout=60s']);
});

describe('the local cluster', () => {
  it('finds everything running when it is brought up again', async () => {
    const steps: string[] = [];
    const again = await up(({ step }) => steps.push(step));
    expect(again).toEqual(cluster);
    expect(steps).not.toContain('build kubelet');
  });

  it('answers on a Service from the host', async () => {
    const url = await serviceUrl();
    await expect(
      eventually('the Service to answer', rolloutTimeoutMs, async () => answersOk(url)),
    ).resolves.toBe(true);
  });

  it('answers on a Service by name from a pod', async () => {
    const fetch = [
      'exec',
      'store-0',
      '--',
      'wget',
      '-qO-',
      `http://web.${namespace}.svc/index.html`,
    ];
    expect(await kubectl(fetch)).toMatch(/^web-/);
  });

  it('resolves the names of the cluster and denies others', async () => {
    expect(await lookUp('kubernetes.default.svc.cluster.local')).toContain('198.19.0.1');
    await expect(lookUp('nowhere.example')).rejects.toThrow(/CLUSTER_COMMAND_FAILED/);
  });

  it('gives a claim a volume that a pod without root writes through its fsGroup', async () => {
    expect(await kubectl(['exec', 'store-0', '--', 'cat', '/data/file'])).toBe('written\n');
    expect(await kubectl(['exec', 'store-0', '--', 'id', '-u'])).toBe('10001\n');
  });

  it('scales a Deployment', async () => {
    await kubectl(['scale', 'deployment/web', `--replicas=${replicas}`]);
    await kubectl(['rollout', 'status', 'deployment/web']);
    const ready = ['get', 'deployment', 'web', '-o', 'jsonpath={.status.readyReplicas}'];
    expect(await kubectl(ready)).toBe(String(replicas));
  });

  it('removes a volume with its claim', async () => {
    const claimName = 'data-store-0';
    const volumeOf = ['get', 'pvc', claimName, '-o', 'jsonpath={.spec.volumeName}'];
    const volume = await kubectl(volumeOf);
    expect(volume).toMatch(/^pvc-/);
    await kubectl(['delete', 'statefulset', 'store']);
    await kubectl(['delete', 'pvc', claimName]);
    const list = ['get', 'pv', '-o', 'name'];
    await eventually(
      `${volume} to go`,
      rolloutTimeoutMs,
      async () => !(await kubectl(list)).includes(volume),
    );
  });
});
