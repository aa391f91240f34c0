/**
 * What a CqrsService says of itself when something is wrong: one table. Each situation is made on a real API server as
 * the world would make it; what the kubelet, the scheduler and the workload controllers would say is said by the tests,
 * in these programs' own words. Refusals of quotas and policies are the API server's.
 */
import type { ProjectorStatus, RelayStatus, ServiceStatus } from '@cqrs/contract/ops-status.ts';
import { afterAll, beforeAll, describe, test } from 'vitest';
import {
  findCondition,
  named,
  remedies,
  type Condition,
  type ConditionType,
  type Reason,
} from '../../operator/src/api/v1alpha1/conditions.ts';
import { customResourceDefinition } from '../../operator/src/api/v1alpha1/crd.ts';
import { ordersSpec, type WrittenSpec } from '../../operator/src/api/v1alpha1/example-services.ts';
import { cqrsServiceType, type CqrsService } from '../../operator/src/api/v1alpha1/schema.ts';
import { createClient, type KubeClient } from '../../operator/src/kube/client.ts';
import { KubeError } from '../../operator/src/kube/errors.ts';
import type { KubeObject, Manifest } from '../../operator/src/kube/object.ts';
import {
  apiVersionOf,
  builtin,
  resourcePath,
  type ResourceType,
} from '../../operator/src/kube/resource-type.ts';
import { startApiServer, type ApiServer } from '../support/apiserver.ts';
import { kstatusOf, type Kstatus } from '../support/kstatus.ts';
import { startOperator, type OperatorProcess } from '../support/operator-process.ts';
import {
  findWorkload,
  playPod,
  playPodStatus,
  playWorkloadsReady,
  type PlayedPod,
} from '../support/played-pods.ts';
import { run } from '../support/process.ts';
import { eventually } from '../support/eventually.ts';

const soonMs = 45_000;
const rowMsMax = 120_000;
const kubectlMsMax = 30_000;
const periodMs = 250;

let apiServer: ApiServer;
let admin: KubeClient;
let operator: OperatorProcess;
const played: PlayedPod[] = [];

beforeAll(async () => {
  apiServer = await startApiServer();
  admin = createClient({ kubeConfig: apiServer.kubeConfig });
  await admin.create(builtin.customResourceDefinition, customResourceDefinition());
  operator = await startOperator(apiServer.kubeconfigPath, [
    '--resync-seconds=5',
    '--status-refresh-seconds=1',
    '--pod-status=direct',
  ]);
});

afterAll(async () => {
  await operator?.stop();
  await Promise.all(played.map((pod) => pod.fallSilent()));
  await admin?.close();
  await apiServer?.stop();
});

/** What a look gives when it is what was awaited, and what was seen instead. */
type Look<T> = { readonly value: T } | { readonly seen: string };

async function until<T>(what: string, look: () => Promise<Look<T>>): Promise<T> {
  const found = await eventually(what, { timeoutMs: soonMs, periodMs }, async (saw) => {
    const looked = await look();
    if ('value' in looked) return looked;
    saw(looked.seen);
    return undefined;
  });
  return found.value;
}

/** A namespace of one situation, and what can be done to it. */
type World = {
  readonly namespace: string;
  readonly create: (
    type: ResourceType,
    kind: string,
    name: string,
    rest?: object,
  ) => Promise<KubeObject>;
  /** A pod of this workload, of which the scheduler or the kubelet says this. */
  readonly pod: (workload: string, status: object) => Promise<string>;
  /** A pod that answers when it is asked. */
  readonly answers: (
    deployment: string,
    said: ServiceStatus,
    ready?: boolean,
  ) => Promise<PlayedPod>;
  readonly event: (of: {
    kind: string;
    name: string;
    reason: string;
    note: string;
  }) => Promise<void>;
  /** What the API server answers to whoever tries to create a pod of this workload. */
  readonly refusal: (workload: string, more?: readonly object[]) => Promise<string>;
  readonly statusOf: (type: ResourceType, name: string, status: object) => Promise<void>;
  /** Every pod is there and ready, but those of the workloads named. */
  readonly ready: (except?: readonly string[]) => Promise<void>;
  readonly apply: (name: string, spec: WrittenSpec) => Promise<void>;
  /** Nobody looks at it any more, so that a long table costs no more at its end. */
  readonly end: () => Promise<void>;
};

const coreEvent: ResourceType = { ...builtin.event, group: '', version: 'v1' };
const quota: ResourceType = {
  ...builtin.configMap,
  plural: 'resourcequotas',
  kind: 'ResourceQuota',
};
const limitRange: ResourceType = {
  ...builtin.configMap,
  plural: 'limitranges',
  kind: 'LimitRange',
};

function worldOf(namespace: string, place: number): World {
  let pods = 1;
  const statusOf: World['statusOf'] = async (type, name, status) => {
    const at = { subresource: 'status' };
    await admin.mergePatch(type, { namespace, name }, { status }, at);
  };
  return {
    namespace,
    statusOf,
    create: (type, kind, name, rest = {}) =>
      admin.create<Manifest>(type, {
        apiVersion: apiVersionOf(type),
        kind,
        metadata: { name, namespace },
        ...rest,
      }),
    pod: (workload, status) => playPodStatus(admin, { namespace, workload, status }),
    async answers(deployment, said, ready = true) {
      const address = `127.90.${place}.${(pods += 1)}`;
      const pod = await playPod(admin, { namespace, deployment, address, said, ready });
      played.push(pod);
      return pod;
    },
    async event({ kind, name, reason, note }) {
      const now = new Date().toISOString();
      await admin.create<Manifest>(coreEvent, {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: `${name}.${reason.toLowerCase()}`, namespace },
        involvedObject: { kind, namespace, name },
        reason,
        message: note,
        type: 'Warning',
        source: { component: 'played' },
        firstTimestamp: now,
        lastTimestamp: now,
        count: 3,
      });
    },
    async refusal(workload, more = []) {
      const { spec } = await findWorkload(admin, namespace, workload);
      const { spec: podSpec, metadata } = spec.template;
      const whole = podSpec as { readonly containers: object[]; readonly volumes: object[] };
      const body = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `${workload}-0`, namespace, labels: metadata.labels },
        spec: {
          ...whole,
          containers: [...whole.containers, ...more],
          volumes: [...whole.volumes, { name: 'data', emptyDir: {} }],
        },
      };
      const path = resourcePath(builtin.pod, { namespace });
      // Admission knows a new quota a moment later.
      return until(`a pod of ${workload} to be refused`, async () => {
        const query = { dryRun: 'All' };
        const refused = await admin.request('POST', path, { body, query }).catch((error) => error);
        return refused instanceof KubeError && refused.isForbidden
          ? { value: refused.message }
          : { seen: String(refused) };
      });
    },
    ready: (except) => playWorkloadsReady(admin, namespace, except),
    async apply(name, spec) {
      const { kind } = cqrsServiceType;
      const apiVersion = apiVersionOf(cqrsServiceType);
      const manifest: Manifest = { apiVersion, kind, metadata: { name, namespace }, spec };
      await admin.apply(cqrsServiceType, manifest, { fieldManager: 'user' });
    },
    async end() {
      for (const type of [cqrsServiceType, builtin.pod]) {
        const { items } = await admin.list(type, { namespace });
        for (const { metadata } of items)
          await admin.delete(type, { namespace, name: metadata.name });
      }
    },
  };
}

async function limit(world: World, hard: Readonly<Record<string, string>>): Promise<void> {
  await world.create(quota, 'ResourceQuota', 'team', { spec: { hard } });
  const used = Object.fromEntries(Object.keys(hard).map((what) => [what, '0']));
  // A controller counts what is there.
  await world.statusOf(quota, 'team', { hard, used });
}

const unscheduled = (message: string) => ({
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
});

const container = (name: string, state: object, more: object = {}) => ({
  phase: 'Running',
  containerStatuses: [
    { name, image: `cqrs/${name}:1`, imageID: '', ready: false, restartCount: 4, state, ...more },
  ],
});

const waiting = (name: string, reason: string, message: string) =>
  container(name, { waiting: { reason, message } });

const crashing = (name: string, terminated: object) =>
  container(name, { waiting: { reason: 'CrashLoopBackOff' } }, { lastState: { terminated } });

const relaySays = (errorCode: string, error: string): RelayStatus => ({
  program: 'relay',
  streaming: false,
  error,
  errorCode,
  lagBytes: 0,
  eventsPublished: 0,
});

const streams: RelayStatus = {
  ...relaySays('', ''),
  streaming: true,
  error: null,
  errorCode: null,
};

type View = ProjectorStatus['views'][number];

const projects = (changes: Partial<View> = {}): ProjectorStatus => {
  const lag = { lagEvents: 0, lagSeconds: 0 };
  const view = { view: 'orders', ...lag, partitions: [], halted: [], haltedKeys: [] };
  const views = [{ ...view, haltedKeyCount: 0, ...changes }];
  return { program: 'projector', error: null, errorCode: null, views };
};

const projectorSays = (errorCode: string, error: string): ProjectorStatus => ({
  ...projects(),
  error,
  errorCode,
});

const partition = 'orders.order/3';
const headers = { name: 'collector', key: 'headers' };
const traced = {
  telemetry: { otlp: { endpoint: 'http://collector:4318', headersSecret: headers } },
};
const behavior = { configMap: { name: 'order-behavior', key: 'order.ts' } };
const behaves = {
  ...ordersSpec,
  aggregates: [{ ...ordersSpec.aggregates[0], behavior }],
};
const republish = (world: World): string =>
  `Run \`kubectl exec --namespace ${world.namespace} deploy/orders-relay -- node services/relay/src/republish.ts\` to publish every event of the table again.`;

type Situation = {
  readonly when: string;
  /** Of the CqrsService orders. */
  readonly spec?: WrittenSpec;
  /** What was there before it. */
  readonly before?: (world: World) => Promise<unknown>;
  readonly breaks?: (world: World) => Promise<unknown>;
  readonly says: readonly [ConditionType, Condition['status'], Reason, string];
  /** What tools make of it: in progress unless somebody must act (Failed) or all is done (Current). */
  readonly kstatus?: Kstatus;
};

const pods: readonly Situation[] = [
  {
    when: 'an image does not exist',
    breaks: ({ pod }) =>
      pod(
        'orders-postgres',
        waiting('postgres', 'ErrImagePull', 'failed to pull and unpack image: not found'),
      ),
    says: [
      'StoresReady',
      'False',
      'ImagePullFailed',
      'Pod orders-postgres-0 cannot get the image cqrs/postgres:1 of container postgres: its registry has no such image.',
    ],
  },
  {
    when: 'an image pull secret is missing',
    breaks: async ({ pod, event }) => {
      const message = 'Back-off pulling image: ErrImagePull: 401 Unauthorized';
      const name = await pod('orders-query', waiting('query', 'ImagePullBackOff', message));
      const reason = 'FailedToRetrieveImagePullSecret';
      const note =
        'Unable to retrieve some image pull secrets (registry); attempting to pull the image may not succeed.';
      await event({ kind: 'Pod', name, reason, note });
    },
    says: [
      'QueryReady',
      'False',
      'ImagePullFailed',
      'its registry refuses access, or has no such image. Kubernetes says of Pod orders-query-played: Unable to retrieve some image pull secrets (registry)',
    ],
  },
  {
    when: 'no node has the CPU',
    breaks: ({ pod }) =>
      pod('orders-command', unscheduled('0/3 nodes are available: 3 Insufficient cpu.')),
    says: [
      'CommandReady',
      'False',
      'PodUnschedulable',
      'Pod orders-command-played finds no node: 0/3 nodes are available: 3 Insufficient cpu. Add a node',
    ],
  },
  {
    when: 'every node has a taint',
    breaks: ({ pod }) =>
      pod(
        'orders-projector',
        unscheduled('0/1 nodes are available: 1 node(s) had untolerated taint {gpu: true}.'),
      ),
    says: ['ProjectionCaughtUp', 'False', 'PodUnschedulable', 'untolerated taint {gpu: true}.'],
  },
  {
    when: 'there is no StorageClass',
    breaks: async ({ pod, event }) => {
      const name = await pod(
        'orders-postgres',
        unscheduled('0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.'),
      );
      const note = 'no persistent volumes available for this claim and no storage class is set';
      const kind = 'PersistentVolumeClaim';
      await event({ kind, name: `data-${name}`, reason: 'FailedBinding', note });
    },
    says: [
      'StoresReady',
      'False',
      'VolumePending',
      'Kubernetes says of PersistentVolumeClaim data-orders-postgres-0: no persistent volumes available for this claim and no storage class is set. Name a default StorageClass',
    ],
  },
  {
    when: 'the volume of a claim is gone',
    breaks: ({ pod }) =>
      pod(
        'orders-redis',
        unscheduled(
          'persistentvolumeclaim "data-orders-redis-0" bound to non-existent persistentvolume "pv-7"',
        ),
      ),
    says: [
      'StoresReady',
      'False',
      'VolumeLost',
      'Pod orders-redis-0 has lost its volume: persistentvolumeclaim "data-orders-redis-0" bound to non-existent persistentvolume "pv-7".',
    ],
  },
  {
    when: 'the volume lies on a node that is gone',
    breaks: ({ pod }) =>
      pod(
        'cqrs-kafka',
        unscheduled('0/2 nodes are available: 2 node(s) had volume node affinity conflict.'),
      ),
    says: [
      'StoresReady',
      'False',
      'VolumeElsewhere',
      'Pod cqrs-kafka-0 cannot run where its volume',
    ],
  },
  {
    when: 'the volume is full',
    breaks: ({ pod }) =>
      pod(
        'orders-postgres',
        crashing('postgres', {
          exitCode: 1,
          message:
            '2026-01-02 03:04:05.678 UTC [1] FATAL:  could not write lock file "postmaster.pid": No space left on device\n',
        }),
      ),
    says: [
      'StoresReady',
      'False',
      'VolumeFull',
      'It said: FATAL:  could not write lock file "postmaster.pid": No space left on device. Free space',
    ],
  },
  {
    when: 'a volume cannot be mounted',
    breaks: async ({ pod, event }) => {
      const name = await pod('orders-query', waiting('query', 'ContainerCreating', ''));
      const note =
        'MountVolume.SetUp failed for volume "config" : configmap "orders-query" not found';
      await event({ kind: 'Pod', name, reason: 'FailedMount', note });
    },
    says: [
      'QueryReady',
      'False',
      'ContainerNotCreated',
      'No query pod can start. Kubernetes says of Pod orders-query-played: MountVolume.SetUp failed for volume "config" : configmap "orders-query" not found. Create or correct',
    ],
  },
  {
    when: 'a Secret that the spec names does not exist',
    spec: { ...ordersSpec, ...traced },
    breaks: ({ pod }) =>
      pod(
        'orders-relay',
        waiting('relay', 'CreateContainerConfigError', 'secret "collector" not found'),
      ),
    says: [
      'RelayStreaming',
      'False',
      'ContainerNotCreated',
      'Container relay of pod orders-relay-played is not started (CreateContainerConfigError): secret "collector" not found.',
    ],
  },
  {
    when: 'a Secret that the spec names lacks the key',
    spec: { ...ordersSpec, ...traced },
    breaks: ({ namespace, pod }) =>
      pod(
        'orders-command',
        waiting(
          'command',
          'CreateContainerConfigError',
          `couldn't find key headers in Secret ${namespace}/collector`,
        ),
      ),
    says: ['CommandReady', 'False', 'ContainerNotCreated', "couldn't find key headers in Secret"],
  },
  {
    when: 'a program crashes with a code of ours',
    breaks: ({ pod }) =>
      pod(
        'orders-relay',
        crashing('relay', {
          exitCode: 1,
          message: [
            '    throw new CqrsError(',
            '          ^',
            '',
            'CqrsError: The environment variable CQRS_POSTGRES_HOST is not set; set it by hand.',
            '    at requiredEnv (file:///app/services/runtime/config.ts:10:11) {',
            "  code: 'CQRS_ENV_MISSING'",
            '}',
          ].join('\n'),
        }),
      ),
    says: [
      'RelayStreaming',
      'False',
      'ContainerCrashing',
      'Container relay of pod orders-relay-played ended with exit code 1. It said: CQRS_ENV_MISSING: The environment variable CQRS_POSTGRES_HOST is not set; set it by hand. Mend what it says',
    ],
  },
  {
    when: 'a container took too much memory',
    breaks: ({ pod }) =>
      pod('orders-redis', crashing('redis', { exitCode: 137, reason: 'OOMKilled' })),
    says: [
      'StoresReady',
      'False',
      'OutOfMemory',
      'Container redis of pod orders-redis-0 took more memory than its limit and was ended with exit code 137. Raise limits.memory',
    ],
  },
  {
    when: 'a store runs and never becomes ready',
    breaks: async ({ pod, event }) => {
      const name = await pod('orders-redis', container('redis', { running: {} }));
      const note = 'Readiness probe failed: Could not connect to Redis at 127.0.0.1:6379';
      await event({ kind: 'Pod', name, reason: 'Unhealthy', note });
    },
    says: [
      'StoresReady',
      'False',
      'RedisNotReady',
      'No redis pod is ready. Kubernetes says of Pod orders-redis-0: Readiness probe failed: Could not connect to Redis at 127.0.0.1:6379. Look at the Redis pod',
    ],
  },
  {
    when: 'a Deployment has waited too long for its pods',
    breaks: ({ statusOf }) => statusOf(builtin.deployment, 'orders-query', gaveUp(0)),
    says: [
      'QueryReady',
      'False',
      'RolloutStuck',
      'No query pod has become ready in time: ReplicaSet "orders-query-1" has timed out progressing. Look at the pods',
    ],
  },
  {
    when: 'a Deployment has waited too long for new pods while old ones answer',
    breaks: async (world) => {
      await healthy(world);
      await world.statusOf(builtin.deployment, 'orders-command', gaveUp(1));
    },
    says: [
      'Reconciling',
      'True',
      'RolloutStuck',
      'The command pods of orders are being replaced, and the old ones still work. ReplicaSet "orders-query-1" has timed out progressing.',
    ],
  },
];

const gaveUp = (readyReplicas: number) => ({
  observedGeneration: 1,
  replicas: 2,
  updatedReplicas: 1,
  readyReplicas,
  availableReplicas: readyReplicas,
  conditions: [
    {
      type: 'Progressing',
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'ReplicaSet "orders-query-1" has timed out progressing.',
    },
  ],
});

async function healthy(world: World): Promise<void> {
  await world.ready();
  await world.answers('orders-relay', streams);
  await world.answers('orders-projector', projects());
}

async function refusedDeployment(world: World, name: string, message: string): Promise<void> {
  const condition = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message };
  await world.statusOf(builtin.deployment, name, {
    observedGeneration: 1,
    conditions: [condition],
  });
}

const policies: readonly Situation[] = [
  {
    when: 'a quota is used up',
    breaks: async (world) => {
      await limit(world, { pods: '0' });
      await refusedDeployment(world, 'orders-command', await world.refusal('orders-command'));
    },
    says: [
      'CommandReady',
      'False',
      'PodsForbidden',
      'exceeded quota: team, requested: pods=1, used: pods=0, limited: pods=0. Raise the quota',
    ],
  },
  {
    when: 'a quota forbids the pod of a StatefulSet, which has no condition for it',
    breaks: async (world) => {
      await limit(world, { 'requests.memory': '1Mi' });
      const why = await world.refusal('orders-postgres');
      await world.statusOf(builtin.statefulSet, 'orders-postgres', {
        observedGeneration: 1,
        replicas: 0,
      });
      await world.event({
        kind: 'StatefulSet',
        name: 'orders-postgres',
        reason: 'FailedCreate',
        note: `create Pod orders-postgres-0 in StatefulSet orders-postgres failed error: ${why}`,
      });
    },
    says: [
      'StoresReady',
      'False',
      'PodsForbidden',
      'No postgres pod can start. Kubernetes says of StatefulSet orders-postgres: create Pod orders-postgres-0 in StatefulSet orders-postgres failed error',
    ],
  },
  {
    when: 'a LimitRange allows less than a pod asks for',
    before: ({ create }) =>
      create(limitRange, 'LimitRange', 'small', {
        spec: { limits: [{ type: 'Container', max: { memory: '16Mi' } }] },
      }),
    breaks: async (world) =>
      refusedDeployment(world, 'orders-query', await world.refusal('orders-query')),
    says: ['QueryReady', 'False', 'PodsForbidden', 'maximum memory usage per Container is 16Mi'],
  },
  {
    when: 'PodSecurity refuses what somebody injects into the pods',
    breaks: async (world) => {
      const restricted = { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } };
      const { namespace: name } = world;
      await admin.mergePatch(builtin.namespace, { name }, { metadata: restricted });
      const sidecar = { name: 'sidecar', image: 'mesh:1' };
      await refusedDeployment(
        world,
        'orders-relay',
        await world.refusal('orders-relay', [sidecar]),
      );
    },
    says: [
      'RelayStreaming',
      'False',
      'PodsForbidden',
      'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "sidecar"',
    ],
  },
  {
    when: 'a quota forbids an object of ours',
    before: (world) => limit(world, { 'count/services': '0' }),
    says: ['Stalled', 'True', 'ApplyRefused', 'exceeded quota: team, requested: count/services=1'],
    kstatus: 'Failed',
  },
  {
    when: 'a name is taken by an object of somebody else',
    before: ({ create }) => create(builtin.service, 'Service', 'orders-query', service),
    says: [
      'Stalled',
      'True',
      'NameTaken',
      'Service orders-query exists and was not made by this operator. Delete or rename the object',
    ],
    kstatus: 'Failed',
  },
  {
    when: 'a budget of somebody else has the name of ours',
    before: ({ create }) =>
      create(builtin.podDisruptionBudget, 'PodDisruptionBudget', 'orders-command', {
        spec: { minAvailable: 1, selector: { matchLabels: { mine: 'yes' } } },
      }),
    says: [
      'Stalled',
      'True',
      'NameTaken',
      'PodDisruptionBudget orders-command exists and was not made by this operator.',
    ],
    kstatus: 'Failed',
  },
];

const service = { spec: { selector: { mine: 'yes' }, ports: [{ port: 80 }] } };

const specs: readonly Situation[] = [
  {
    when: 'the schema of an aggregate is no JSON Schema',
    spec: {
      ...ordersSpec,
      aggregates: [
        { name: 'order', schema: { type: 'object', properties: { total: { type: 'amount' } } } },
      ],
    },
    says: [
      'Stalled',
      'True',
      'SchemaInvalid',
      'The schema of aggregate order cannot be used: properties/total/type must be one of array, boolean, integer, null, number, object, string.',
    ],
    kstatus: 'Failed',
  },
  {
    when: 'a view reads an aggregate that the other service does not have',
    spec: {
      query: {
        views: [{ name: 'paid', sources: [{ service: 'payments', aggregate: 'payment' }] }],
      },
    },
    before: ({ apply }) => apply('payments', ordersSpec),
    says: [
      'ProjectionCaughtUp',
      'False',
      'SourceAggregateMissing',
      'View paid reads the aggregate payment, which the CqrsService payments does not have. Add that aggregate',
    ],
  },
  {
    when: 'a view reads a service that does not exist',
    spec: {
      query: {
        views: [{ name: 'refunds', sources: [{ service: 'refunds', aggregate: 'refund' }] }],
      },
    },
    says: [
      'ProjectionCaughtUp',
      'False',
      'SourceServiceMissing',
      'View refunds reads from the CqrsService refunds, which does not exist in this namespace. Create that CqrsService',
    ],
  },
  {
    when: 'an index names a field that no document can have',
    spec: {
      ...ordersSpec,
      aggregates: [
        {
          name: 'order',
          schema: {
            type: 'object',
            additionalProperties: false,
            properties: { customerId: { type: 'string' } },
          },
        },
      ],
    },
    says: [
      'Stalled',
      'True',
      'UnknownField',
      'View orders names the field placedAt in an index, which aggregate order cannot have; its fields are id, customerId.',
    ],
    kstatus: 'Failed',
  },
  {
    when: 'the ConfigMap of a behavior does not exist',
    spec: behaves,
    says: [
      'CommandReady',
      'False',
      'BehaviorMissing',
      'The behavior of aggregate order is to be in key order.ts of ConfigMap order-behavior, which does not exist in this namespace. Create the ConfigMap',
    ],
    kstatus: 'Failed',
  },
  {
    when: 'the ConfigMap of a behavior lacks the key',
    spec: behaves,
    before: ({ create }) =>
      create(builtin.configMap, 'ConfigMap', 'order-behavior', { data: { 'order.js': '' } }),
    says: [
      'Stalled',
      'True',
      'BehaviorMissing',
      'ConfigMap order-behavior, which has no such key.',
    ],
    kstatus: 'Failed',
  },
  {
    when: 'a generated Secret lost a key',
    // A pass that has read the Secret before may put the key back.
    breaks: ({ namespace }) =>
      until('the key to stay away', async () => {
        const secret = { namespace, name: 'orders-redis' };
        await admin.mergePatch(builtin.secret, secret, { data: { 'redis-password': null } });
        const { status } = await read(namespace);
        const stores = findCondition(status?.conditions ?? [], 'StoresReady');
        return stores?.reason === 'SecretIncomplete' ? { value: stores } : { seen: 'the key' };
      }),
    says: [
      'StoresReady',
      'False',
      'SecretIncomplete',
      'Secret orders-redis lacks redis-password. Put the missing key back',
    ],
  },
  {
    when: 'a Secret of somebody else has the name of ours and not its keys',
    before: ({ create }) => create(builtin.secret, 'Secret', 'orders-postgres'),
    says: ['Stalled', 'True', 'NameTaken', 'Secret orders-postgres exists and was not made by'],
    kstatus: 'Failed',
  },
];

/** What programs say for themselves. */
const programs: readonly Situation[] = [
  {
    when: 'the command pods cannot reach Postgres',
    breaks: async ({ ready, answers }) => {
      await ready(['orders-command']);
      const error =
        'Postgres could not take the statement (ECONNREFUSED: connect ECONNREFUSED 10.0.0.7:5432); nothing was changed.';
      await answers('orders-command', { program: 'command', error }, false);
    },
    says: [
      'CommandReady',
      'False',
      'CommandFailing',
      'The command pods say: Postgres could not take the statement (ECONNREFUSED: connect ECONNREFUSED 10.0.0.7:5432); nothing was changed. Look at the logs of the command pods.',
    ],
  },
  ...(
    [
      [
        'SlotBusy',
        'CQRS_SLOT_BUSY',
        'Another relay uses the replication slot cqrs_orders; this one stands by.',
      ],
      [
        'MigrationPending',
        'CQRS_MIGRATION_PENDING',
        'The relay waits for migration 0004-relay-topic-ids, which the command service of this release runs when it starts; it then goes on by itself.',
      ],
      [
        'SlotLost',
        'CQRS_SLOT_LOST',
        'The replication slot cqrs_orders was invalidated; events after 0/1F may never have been published.',
      ],
      [
        'SlotAhead',
        'CQRS_SLOT_AHEAD',
        'The replication slot cqrs_orders is at 0/2A, ahead of what Kafka has acknowledged (0/1F).',
      ],
      ['PublicationLost', 'CQRS_PUBLICATION_LOST', 'The publication of cqrs.event was dropped.'],
      [
        'TopicMismatch',
        'CQRS_TOPIC_MISMATCH',
        'The topic shop.orders.order has 6 partitions and the service asks for 12.',
      ],
      [
        'TopicLost',
        'CQRS_TOPIC_LOST',
        'Kafka has acknowledged 812 events of the topic shop.orders.order, and now it is empty.',
      ],
      [
        'PublishFailed',
        'CQRS_PUBLISH_FAILED',
        'The topics at cqrs-kafka:9092 cannot be looked after: connect ETIMEDOUT.',
      ],
      [
        'EventMalformed',
        'CQRS_EVENT_MALFORMED',
        'The event 0199 has no type and cannot be published.',
      ],
      [
        'AggregateUndeclared',
        'CQRS_AGGREGATE_UNDECLARED',
        'An event of the aggregate "invoice" waits to be published.',
      ],
    ] as const
  ).map(([reason, code, error]): Situation => ({
    when: `the relay says ${code}`,
    breaks: ({ answers }) => answers('orders-relay', relaySays(code, error)),
    says: ['RelayStreaming', 'False', reason, `The relay says: ${error} `],
    ...(!['SlotBusy', 'MigrationPending', 'PublishFailed'].includes(reason) && {
      kstatus: 'Failed',
    }),
  })),
  {
    when: 'the relay names the command that helps',
    breaks: (world) => {
      const error = `The replication slot cqrs_orders is gone. ${republish(world)}`;
      return world.answers('orders-relay', relaySays('CQRS_SLOT_LOST', error));
    },
    says: [
      'Stalled',
      'True',
      'SlotLost',
      'deploy/orders-relay -- node services/relay/src/republish.ts',
    ],
    kstatus: 'Failed',
  },
  {
    when: 'the relay pod does not answer',
    breaks: async (world) => {
      await world.ready();
      const relay = await world.answers('orders-relay', streams);
      await relay.fallSilent();
    },
    says: [
      'RelayStreaming',
      'False',
      'RelayUnreachable',
      '/orders-relay-played cannot be read. Look at the relay pod; events wait in Postgres until it is back.',
    ],
  },
  ...(
    [
      [
        'TopicMissing',
        'CQRS_TOPIC_MISSING',
        'View orders waits for shop.orders.order: no such topic in Kafka yet.',
      ],
      [
        'ReadStoreFailing',
        'CQRS_READ_STORE_FAILED',
        'Redis does not serve the projector (OOM command not allowed).',
      ],
      [
        'EventSourceFailing',
        'CQRS_EVENT_SOURCE_FAILED',
        'Kafka does not serve the projector (connect ETIMEDOUT).',
      ],
      [
        'DeadLetterFailing',
        'CQRS_DEAD_LETTER_FAILED',
        'Kafka does not take the dead letters of view orders.',
      ],
    ] as const
  ).map(([reason, code, error]): Situation => ({
    when: `the projector says ${code}`,
    breaks: ({ answers }) => answers('orders-projector', projectorSays(code, error)),
    says: ['ProjectionCaughtUp', 'False', reason, `The projector says: ${error} `],
  })),
  ...(
    [
      [
        'VersionGap',
        'CQRS_VERSION_GAP: Event 5 of "o-1" at offset 12 follows version 3: events between them are missing.',
      ],
      ['EventsExpired', 'CQRS_EVENTS_EXPIRED: The topic now begins at 400.'],
      ['PositionAhead', 'CQRS_POSITION_AHEAD: The topic ends at 12.'],
    ] as const
  ).map(([reason, error]): Situation => ({
    when: `a partition halts over ${reason}`,
    breaks: ({ answers }) =>
      answers('orders-projector', projects({ halted: [{ topicPartition: partition, error }] })),
    says: ['ProjectionCaughtUp', 'False', reason, `View orders halted at ${partition}: ${error} `],
    kstatus: 'Failed',
  })),
  {
    when: 'keys halt',
    breaks: ({ answers }) => {
      const at = { topicPartition: partition, key: 'o-1', offset: '12' };
      const haltedKeys = [{ ...at, error: 'its state is no object' }];
      return answers('orders-projector', projects({ haltedKeys, haltedKeyCount: 2 }));
    },
    says: [
      'Stalled',
      'True',
      'KeysHalted',
      `2 keys stand still in view orders. The first is o-1 at offset 12 of ${partition}: its state is no object. Other keys go on.`,
    ],
    kstatus: 'Failed',
  },
  {
    when: 'nobody serves the metric by which reads scale',
    breaks: healthy,
    says: [
      'ScalingActive',
      'True',
      'MetricsApiAbsent',
      'the HPA goes by the CPU. This operator was started without --metrics-api-port',
    ],
    kstatus: 'Current',
  },
];

const situations = [...pods, ...policies, ...specs, ...programs].map((situation, place) => ({
  ...situation,
  place,
}));

async function read(namespace: string): Promise<CqrsService> {
  return admin.get<CqrsService>(cqrsServiceType, { namespace, name: 'orders' });
}

describe.concurrent('what is wrong, where, and what to do is said', () => {
  test('in more than the twenty situations that were asked for', ({ expect }) => {
    expect(situations.length).toBeGreaterThanOrEqual(20);
    const told = situations.map(({ when }) => when);
    expect(new Set(told).size).toBe(told.length);
  });

  test.for(situations)(
    '$when',
    { timeout: rowMsMax },
    async (
      { place, spec = ordersSpec, before, breaks, says, kstatus = 'InProgress' },
      { expect },
    ) => {
      const namespace = `broken-${place}`;
      const metadata = { name: namespace };
      await admin.create(builtin.namespace, { apiVersion: 'v1', kind: 'Namespace', metadata });
      const world = worldOf(namespace, place);
      await before?.(world);
      await world.apply('orders', spec);
      await until('the first pass', async () => {
        const { metadata: meta, status } = await read(namespace);
        const value = status?.observedGeneration;
        return value === meta.generation ? { value } : { seen: `generation ${value}` };
      });
      await breaks?.(world);

      const [type, is, reason, words] = says;
      const message = await until(`${type}=${is} (${reason})`, async () => {
        const seen = findCondition((await read(namespace)).status?.conditions ?? [], type);
        const isIt = seen?.status === is && seen.reason === reason && seen.message.includes(words);
        return isIt ? { value: seen.message } : { seen: JSON.stringify(seen) };
      });
      // What to do stands at the end, unless the program's own sentence names the command that helps.
      const remedy = named(remedies[reason], await read(namespace));
      const isTold = message.includes(remedy);
      expect(isTold || message.includes('`kubectl exec ')).toBe(true);
      expect(message).toMatch(/^[A-Z0-9].*\.$/);
      expect(message).not.toMatch(/<|>/);
      await expect
        .poll(async () => kstatusOf(await read(namespace)), { timeout: soonMs, interval: periodMs })
        .toBe(kstatus);
      // A pod that is played may answer late on a busy machine, and then it says that for a moment.
      await expect
        .poll(() => describeIt(namespace), { timeout: soonMs, interval: periodMs })
        .toContain(message);
      await world.end();
    },
  );
});

/** What a person sees who runs nothing else. */
function describeIt(namespace: string): Promise<string> {
  const kubectl = [apiServer.kubectlPath, `--kubeconfig=${apiServer.kubeconfigPath}`];
  const command = [...kubectl, 'describe', 'cqrs', 'orders', `--namespace=${namespace}`];
  return run(command, { timeoutMs: kubectlMsMax });
}
