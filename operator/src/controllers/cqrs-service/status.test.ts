import { readdir, readFile } from 'node:fs/promises';
import { errorCodes } from '@cqrs/contract/errors.ts';
import { describe, expect, it } from 'vitest';
import {
  findCondition,
  type Condition,
  type ConditionType,
} from '../../api/v1alpha1/conditions.ts';
import {
  exampleService,
  orderHistorySpec,
  ordersSpec,
  paymentsSpec,
  wholeService,
} from '../../api/v1alpha1/example-services.ts';
import type { CqrsService, CqrsServiceStatus } from '../../api/v1alpha1/schema.ts';
import { exampleObserved, gone, projects, relayStreams, runs } from './example-observed.ts';
import type { Observed } from './observe.ts';
import { relayReasons } from './relay-reasons.ts';
import { isUnsettled, statusOf, type StatusInput } from './status.ts';

const nowMs = Date.parse('2026-01-02T03:04:05Z');
const orders = wholeService('orders', ordersSpec);
const healthy = exampleObserved(orders);

function status(
  changes: Partial<Observed> = {},
  input: Partial<StatusInput> = {},
): CqrsServiceStatus {
  const observed = { ...healthy, ...changes };
  return statusOf({ service: orders, observed, refusals: [], nowMs, ...input });
}

function condition(of: CqrsServiceStatus, type: ConditionType): Condition {
  const found = findCondition(of.conditions ?? [], type);
  if (found === undefined) throw new Error(`No condition ${type}`);
  return found;
}

function withStatus(service: CqrsService, from: CqrsServiceStatus): CqrsService {
  return { ...service, status: from };
}

const relaySays = (errorCode: string | null, error: string): Partial<Observed> => ({
  readings: {
    ...healthy.readings,
    relay: [{ outcome: 'answered', error, errorCode, streaming: false, views: [] }],
  },
});

const isErrorCode = (text: string): boolean => errorCodes.some((code) => code === text);

const scaler = (
  conditions: NonNullable<NonNullable<Observed['autoscaler']>['status']>['conditions'],
) =>
  ({
    autoscaler: {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'orders-query' },
      status: { desiredReplicas: 20, ...(conditions && { conditions }) },
    },
  }) satisfies Partial<Observed>;

type Row = {
  readonly when: string;
  readonly observed: Partial<Observed>;
  readonly type: ConditionType;
  readonly status?: string;
  readonly reason: string;
  readonly says: string;
};

const goodKey = Buffer.alloc(32, 7).toString('base64');

function keysInSecret(texts: Readonly<Record<string, string>>): Partial<Observed> {
  const values = Object.entries(texts).map(([name, text]) => [
    name,
    Buffer.from(text).toString('base64'),
  ]);
  const data = Object.fromEntries(values) as Record<string, string>;
  const metadata = { name: 'cqrs-consistency' };
  const live = { apiVersion: 'v1', kind: 'Secret', metadata, data };
  const consistency = { state: 'brought', live } as const;
  return { secrets: { ...healthy.secrets, consistency } };
}

const rows: readonly Row[] = [
  {
    when: 'a Secret lost a key',
    observed: {
      secrets: {
        ...healthy.secrets,
        redis: {
          state: 'incomplete',
          live: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'orders-redis' } },
          missing: ['redis-password'],
        },
      },
    },
    type: 'StoresReady',
    reason: 'SecretIncomplete',
    says: 'Secret orders-redis lacks redis-password. Put the missing key back',
  },
  {
    when: 'the key of tokens is none',
    observed: keysInSecret({ 'token-key': 'not 32 bytes' }),
    type: 'Stalled',
    status: 'True',
    reason: 'TokenKeyInvalid',
    says: 'Secret cqrs-consistency cannot be used: token-key holds 7 bytes of base64 and not 32. Put 32 random bytes',
  },
  {
    when: 'the key of tokens before is none, and no query pod runs any more',
    observed: {
      ...keysInSecret({ 'token-key': goodKey, 'previous-token-key': 'short' }),
      workloads: { ...healthy.workloads, query: gone },
    },
    type: 'QueryReady',
    reason: 'TokenKeyInvalid',
    says: 'previous-token-key holds 3 bytes of base64 and not 32',
  },
  {
    when: 'both keys of tokens are good',
    observed: keysInSecret({ 'token-key': goodKey, 'previous-token-key': goodKey }),
    type: 'Stalled',
    status: 'False',
    reason: 'UpToDate',
    says: 'Nothing is in the way.',
  },
  {
    when: 'Postgres has no ready pod',
    observed: { workloads: { ...healthy.workloads, postgres: gone } },
    type: 'StoresReady',
    reason: 'PostgresNotReady',
    says: 'No postgres pod is ready.',
  },
  {
    when: 'a store waits for its volume',
    observed: {
      workloads: { ...healthy.workloads, kafka: gone },
      podProblems: {
        kafka: { reason: 'VolumePending', what: 'Pod cqrs-kafka-0 has no volume.' },
      },
    },
    type: 'StoresReady',
    reason: 'VolumePending',
    says: 'Pod cqrs-kafka-0 has no volume.',
  },
  {
    when: 'one store starts and another cannot',
    observed: {
      workloads: { ...healthy.workloads, postgres: gone, redis: gone },
      podProblems: { redis: { reason: 'OutOfMemory', what: 'Redis took too much.' } },
    },
    type: 'StoresReady',
    reason: 'OutOfMemory',
    says: 'Redis took too much. Raise limits.memory',
  },
  {
    when: 'a quota forbids pods',
    observed: {
      workloads: { ...healthy.workloads, command: { ...gone, refusal: 'exceeded quota: pods=10' } },
    },
    type: 'CommandReady',
    reason: 'PodsForbidden',
    says: 'exceeded quota: pods=10. Raise the quota',
  },
  {
    when: 'a StatefulSet is refused its pods, which only an Event tells',
    observed: {
      workloads: { ...healthy.workloads, postgres: { ...gone, hasNoPods: true } },
      hints: {
        postgres: { reason: 'PodsForbidden', says: 'Kubernetes says of it: exceeded quota.' },
      },
    },
    type: 'StoresReady',
    reason: 'PodsForbidden',
    says: 'No postgres pod can start. Kubernetes says of it: exceeded quota. Raise the quota',
  },
  {
    when: 'a probe fails, which only an Event tells',
    observed: {
      workloads: { ...healthy.workloads, redis: gone },
      hints: { redis: { reason: null, says: 'Kubernetes says of Pod a: probe failed.' } },
    },
    type: 'StoresReady',
    reason: 'RedisNotReady',
    says: 'No redis pod is ready. Kubernetes says of Pod a: probe failed. Look at the Redis pod',
  },
  {
    when: 'a Deployment has given up on its pods',
    observed: {
      workloads: { ...healthy.workloads, query: { ...gone, givenUp: 'It has timed out' } },
    },
    type: 'QueryReady',
    reason: 'RolloutStuck',
    says: 'No query pod has become ready in time: It has timed out. Look at the pods',
  },
  {
    when: 'versions are missing in a partition',
    observed: {
      readings: {
        ...healthy.readings,
        projector: [projects('orders', { halted: ['t/3: CQRS_VERSION_GAP: 5 follows 3.'] })],
      },
    },
    type: 'ProjectionCaughtUp',
    reason: 'VersionGap',
    says: 'View orders halted at t/3: CQRS_VERSION_GAP: 5 follows 3. Restore the topic and try again',
  },
  {
    when: 'a new Postgres is awaited by its command pods',
    observed: {
      workloads: { ...healthy.workloads, postgres: gone, command: gone },
      readings: {
        command: [
          {
            outcome: 'answered',
            error: 'Postgres refuses connections',
            errorCode: null,
            streaming: false,
            views: [],
          },
        ],
      },
    },
    type: 'CommandReady',
    reason: 'Starting',
    says: 'No command pod is ready.',
  },
  {
    when: 'the command pods say why they are not ready',
    observed: {
      workloads: { ...healthy.workloads, command: gone },
      readings: {
        command: [
          {
            outcome: 'answered',
            error: 'Postgres refuses the password',
            errorCode: null,
            streaming: false,
            views: [],
          },
        ],
      },
    },
    type: 'CommandReady',
    reason: 'CommandFailing',
    says: 'Postgres refuses the password. Look at the logs of the command pods.',
  },
  {
    when: 'a crashing container outweighs what its pod once said',
    observed: {
      workloads: { ...healthy.workloads, query: gone },
      podProblems: { query: { reason: 'ContainerCrashing', what: 'Container query ended.' } },
      readings: {
        query: [
          { outcome: 'answered', error: 'no Redis', errorCode: null, streaming: false, views: [] },
        ],
      },
    },
    type: 'QueryReady',
    reason: 'ContainerCrashing',
    says: 'Container query ended.',
  },
  {
    when: 'query pods were never ready',
    observed: { workloads: { ...healthy.workloads, query: gone } },
    type: 'QueryReady',
    reason: 'Starting',
    says: 'No query pod is ready. Wait until the pods are ready.',
  },
  {
    when: 'the slot was lost',
    observed: relaySays('CQRS_SLOT_LOST', 'Slot cqrs_shop_orders was invalidated'),
    type: 'RelayStreaming',
    reason: 'SlotLost',
    says: 'Slot cqrs_shop_orders was invalidated. Events may be lost to the stream, not to Postgres. Publish them again: `kubectl exec --namespace shop deploy/orders-relay -- node services/relay/src/republish.ts`.',
  },
  {
    when: 'the slot is ahead of the record',
    observed: relaySays('CQRS_SLOT_AHEAD', 'The slot lies ahead'),
    type: 'RelayStreaming',
    reason: 'SlotAhead',
    says: 'The slot lies ahead.',
  },
  {
    when: 'the relay cannot publish',
    observed: relaySays('CQRS_PUBLISH_FAILED', 'Kafka does not answer'),
    type: 'RelayStreaming',
    reason: 'PublishFailed',
    says: 'The relay says: Kafka does not answer. Look at Kafka',
  },
  {
    when: 'the relay connects without an error yet',
    observed: {
      readings: { ...healthy.readings, relay: [{ ...relayStreams, streaming: false }] },
    },
    type: 'RelayStreaming',
    reason: 'RelayNotStreaming',
    says: 'The relay is connecting',
  },
  {
    when: 'the relay pod cannot be asked',
    observed: {
      readings: {
        ...healthy.readings,
        relay: [{ outcome: 'unreachable', message: 'Pod orders-relay-1 did not answer' }],
      },
    },
    type: 'RelayStreaming',
    reason: 'RelayUnreachable',
    says: 'Pod orders-relay-1 did not answer. Look at the relay pod',
  },
  {
    when: 'nobody was asked yet',
    observed: { readings: { projector: [projects('orders')] } },
    type: 'RelayStreaming',
    reason: 'Starting',
    says: 'has not been asked yet',
  },
  {
    when: 'a partition halted',
    observed: {
      readings: {
        ...healthy.readings,
        projector: [projects('orders', { halted: ['shop.orders.order/3: version 7 is missing'] })],
      },
    },
    type: 'ProjectionCaughtUp',
    reason: 'ProjectionHalted',
    says: 'View orders halted at shop.orders.order/3: version 7 is missing. Look at the event',
  },
  {
    when: 'keys halted, of which two projectors each tell a part',
    observed: {
      readings: {
        ...healthy.readings,
        projector: [
          projects('orders', {
            haltedKeys: 2,
            firstHaltedKey: 'o-1 at offset 12 of shop.orders.order/3: the state is no object',
          }),
          projects('orders', { haltedKeys: 1, firstHaltedKey: 'o-9 at offset 4' }),
        ],
      },
    },
    type: 'ProjectionCaughtUp',
    reason: 'KeysHalted',
    says: '3 keys stand still in view orders. The first is o-1 at offset 12 of shop.orders.order/3: the state is no object. Other keys go on. Mend the cause, then apply the event again: `kubectl exec --namespace shop deploy/orders-projector -- node services/projector/src/retry-halted.ts`.',
  },
  {
    when: 'a behavior is missing and nothing runs yet',
    observed: {
      behaviors: { checksums: {}, missing: ['ConfigMap order-behavior does not exist.'] },
      workloads: { postgres: runs, kafka: runs, redis: runs },
    },
    type: 'CommandReady',
    reason: 'BehaviorMissing',
    says: 'ConfigMap order-behavior does not exist. Create the ConfigMap or its key',
  },
  {
    when: 'a behavior is missing and older pods run on',
    observed: { behaviors: { checksums: {}, missing: ['ConfigMap order-behavior is gone.'] } },
    type: 'CommandReady',
    status: 'True',
    reason: 'CommandRunning',
    says: 'Commands are accepted.',
  },
  {
    when: 'a view is behind',
    observed: {
      readings: {
        ...healthy.readings,
        projector: [projects('orders', { lagEvents: 5000, lagSeconds: 40 })],
      },
    },
    type: 'ProjectionCaughtUp',
    reason: 'CatchingUp',
    says: 'View orders is behind',
  },
  {
    when: 'the projector has not taken up a view',
    observed: { readings: { ...healthy.readings, projector: [projects('another')] } },
    type: 'ProjectionCaughtUp',
    reason: 'Starting',
    says: 'has not taken up view orders',
  },
  {
    when: 'another adapter owns the metrics API',
    observed: { metricsApi: { state: 'foreign', message: 'APIService belongs to Service a/b' } },
    type: 'ScalingActive',
    status: 'True',
    reason: 'MetricsApiTaken',
    says: 'the HPA goes by the CPU. APIService belongs to Service a/b. For an HPA that goes by the reads, remove',
  },
  {
    when: 'nobody asks this operator for metrics',
    observed: { metricsApi: { state: 'absent', message: 'Started without it' } },
    type: 'ScalingActive',
    status: 'True',
    reason: 'MetricsApiAbsent',
    says: 'the HPA goes by the CPU. Started without it. For an HPA that goes by the reads, run the operator in the cluster',
  },
  {
    when: 'HPAs can ask neither for reads nor for the CPU',
    observed: {
      ...scaler([{ type: 'ScalingActive', status: 'False', message: 'no CPU metrics' }]),
      metricsApi: { state: 'foreign', message: 'APIService belongs to Service a/b' },
    },
    type: 'ScalingActive',
    reason: 'MetricsApiTaken',
    says: 'No pods are taken away again, because the HPA that is to go by the CPU says: no CPU metrics. APIService belongs',
  },
  {
    when: 'the APIService does not answer',
    observed: { metricsApi: { state: 'unavailable', message: 'No endpoints' } },
    type: 'ScalingActive',
    reason: 'MetricsUnavailable',
    says: 'No endpoints. Check that APIService',
  },
  {
    when: 'the HPA has not looked yet',
    observed: scaler([]),
    type: 'ScalingActive',
    status: 'Unknown',
    reason: 'Progressing',
    says: 'has not looked',
  },
  {
    when: 'the HPA cannot read the metric',
    observed: scaler([{ type: 'ScalingActive', status: 'False', message: 'no metrics returned' }]),
    type: 'ScalingActive',
    reason: 'MetricsUnavailable',
    says: 'The HPA says: no metrics returned.',
  },
  {
    when: 'reads ask for more pods than are allowed',
    observed: scaler([
      { type: 'ScalingActive', status: 'True' },
      { type: 'ScalingLimited', status: 'True', reason: 'TooManyReplicas' },
    ]),
    type: 'ScalingActive',
    status: 'True',
    reason: 'ScaledToMax',
    says: 'maxReplicas (20). Raise spec.query.autoscaling.maxReplicas',
  },
];

describe('a stage', () => {
  it.each(rows)('$when: $type says $reason', ({ observed, type, status: is, reason, says }) => {
    const found = condition(status(observed), type);
    expect(found).toMatchObject({ status: is ?? 'False', reason });
    expect(found.message).toContain(says);
  });

  it('is missed, not starting, once it was up', () => {
    const before = withStatus(orders, status());
    const down = { workloads: { ...healthy.workloads, query: gone } };
    const lost = status(down, { service: before });
    expect(condition(lost, 'QueryReady').reason).toBe('PodsNotReady');
    const still = status(down, { service: withStatus(orders, lost) });
    expect(condition(still, 'QueryReady').reason).toBe('PodsNotReady');
  });

  it('fails, not starts, when a Postgres that was there is lost', () => {
    const before = withStatus(orders, status());
    const error = 'Postgres refuses connections';
    const answer = { outcome: 'answered', error, errorCode: null } as const;
    const lost = {
      workloads: { ...healthy.workloads, postgres: gone, command: gone },
      readings: { command: [{ ...answer, streaming: false, views: [] }] },
    };
    const first = status(lost, { service: before });
    expect(condition(first, 'CommandReady').reason).toBe('CommandFailing');
    const second = status(lost, { service: withStatus(orders, first) });
    expect(condition(second, 'CommandReady').reason).toBe('CommandFailing');
  });

  it('that was never made waits for a good schema and names no pods', () => {
    const schemaProblems = [{ aggregate: 'order', message: 'The schema is bad.' }];
    const found = status({ schemaProblems, workloads: {}, readings: {} });
    for (const { type, reason, message } of found.conditions ?? []) {
      expect([type, reason]).toEqual([type, 'SchemaInvalid']);
      expect(message).not.toMatch(/pod|good/i);
    }
    expect(condition(found, 'Stalled').message).toBe(
      'The schema is bad. Nothing is made until it is mended. Correct the schema in spec.aggregates.',
    );
    expect(condition(found, 'StoresReady').message).toContain('Nothing is made here until');
  });

  it('that was made goes on with the last good schema', () => {
    const schemaProblems = [{ aggregate: 'order', message: 'The schema is bad.' }];
    const found = status({ schemaProblems });
    expect(condition(found, 'Stalled').message).toContain('What the last good one made goes on.');
    expect(condition(found, 'StoresReady').status).toBe('True');
    expect(condition(found, 'QueryReady').status).toBe('True');
  });

  it('keeps what it said while a restarted operator has asked nobody', () => {
    const lost = status(relaySays('CQRS_SLOT_LOST', 'The slot was invalidated'));
    const restarted: StatusInput = {
      service: withStatus(orders, lost),
      observed: { ...healthy, readings: {}, metricsApi: { state: 'unknown', message: 'not yet' } },
      refusals: [],
      nowMs: nowMs + 60_000,
    };
    expect(statusOf(restarted).conditions).toEqual(lost.conditions);
  });

  it('that is not asked for is fine', () => {
    const payments = exampleService('payments', paymentsSpec);
    const found = status({}, { service: payments });
    for (const type of ['ProjectionCaughtUp', 'QueryReady', 'ScalingActive'] as const) {
      expect(condition(found, type)).toMatchObject({ status: 'True', reason: 'NotRequested' });
    }
    expect(found).not.toHaveProperty('query');
    expect(condition(found, 'Ready').status).toBe('True');
  });

  it('names a source service that does not exist and what to do', () => {
    const history = exampleService('order-history', orderHistorySpec);
    const siblings = new Map([['order-history', history]]);
    const found = condition(status({ siblings }, { service: history }), 'ProjectionCaughtUp');
    expect(found).toMatchObject({ status: 'False', reason: 'SourceServiceMissing' });
    expect(found.message).toContain('CqrsService orders');
    expect(found.message).toContain('Create that CqrsService in this namespace');
  });
});

describe('the summary', () => {
  it('is Ready and settled when all is well', () => {
    const found = status();
    expect(condition(found, 'Ready')).toMatchObject({ status: 'True', reason: 'Available' });
    expect(condition(found, 'Reconciling')).toMatchObject({ status: 'False', reason: 'UpToDate' });
    expect(condition(found, 'Stalled')).toMatchObject({ status: 'False', reason: 'UpToDate' });
    expect(found.observedGeneration).toBe(1);
  });

  it('takes the reason of the first stage that stands still', () => {
    const found = status({ workloads: { ...healthy.workloads, relay: gone, query: gone } });
    expect(condition(found, 'Ready')).toMatchObject({ status: 'False', reason: 'Starting' });
    expect(condition(found, 'Ready').message).toContain('RelayStreaming: No relay pod');
    expect(condition(found, 'Reconciling')).toMatchObject({
      status: 'True',
      reason: 'Progressing',
    });
  });

  it('stays Ready when only scaling is out of order', () => {
    const found = status({ metricsApi: { state: 'unavailable', message: 'none' } });
    expect(condition(found, 'Ready').status).toBe('True');
    expect(condition(found, 'Reconciling').status).toBe('False');
  });

  it.each([
    {
      when: 'the schema is broken',
      changes: { schemaProblems: [{ aggregate: 'order', message: 'The schema is bad.' }] },
      refusals: [],
      reason: 'SchemaInvalid',
    },
    {
      when: 'a name is taken',
      changes: {},
      refusals: [{ reason: 'NameTaken', message: 'Service orders-query exists.' }] as const,
      reason: 'NameTaken',
    },
    {
      when: 'the slot is lost',
      changes: relaySays('CQRS_SLOT_LOST', 'gone'),
      refusals: [],
      reason: 'SlotLost',
    },
    {
      when: 'a behavior is missing',
      changes: { behaviors: { checksums: {}, missing: ['It does not exist.'] } },
      refusals: [],
      reason: 'BehaviorMissing',
    },
    {
      when: 'keys halted',
      changes: {
        readings: { ...healthy.readings, projector: [projects('orders', { haltedKeys: 1 })] },
      },
      refusals: [],
      reason: 'KeysHalted',
    },
  ])('is stalled, not in progress, when $when', ({ changes, refusals, reason }) => {
    const found = status(changes, { refusals });
    expect(condition(found, 'Stalled')).toMatchObject({ status: 'True', reason });
    expect(condition(found, 'Ready')).toMatchObject({ status: 'False', reason });
    expect(condition(found, 'Reconciling')).toMatchObject({ status: 'False', reason });
  });

  it('is reconciling while a rollout is stuck behind old pods that still answer', () => {
    const found = status({
      workloads: { ...healthy.workloads, query: { ...runs, rolledOut: false } },
      podProblems: { query: { reason: 'ImagePullFailed', what: 'No image.' } },
    });
    expect(condition(found, 'Ready').status).toBe('True');
    const reconciling = condition(found, 'Reconciling');
    expect(reconciling).toMatchObject({ status: 'True', reason: 'ImagePullFailed' });
    expect(reconciling.message).toContain('the old ones still work. No image. Correct the image');
  });

  it('says that a Deployment has given up on new pods while old ones still answer', () => {
    const givenUp = 'ReplicaSet "orders-query-1" has timed out progressing.';
    const query = { ...runs, rolledOut: false, givenUp };
    const found = status({ workloads: { ...healthy.workloads, query } });
    expect(condition(found, 'Ready').status).toBe('True');
    expect(condition(found, 'Reconciling')).toMatchObject({
      status: 'True',
      reason: 'RolloutStuck',
    });
    expect(condition(found, 'Reconciling').message).toContain(givenUp);
  });

  it('is unsettled as long as it waits for something', () => {
    expect(isUnsettled(status())).toBe(false);
    expect(isUnsettled(status({ workloads: { ...healthy.workloads, query: gone } }))).toBe(true);
    expect(isUnsettled(status(relaySays('CQRS_SLOT_LOST', 'gone')))).toBe(false);
  });

  it('says that it is suspended instead of what is missing', () => {
    const service = { ...orders, spec: { ...orders.spec, suspend: true } };
    const workloads = { ...healthy.workloads, command: gone, query: gone, relay: gone };
    const found = status({ workloads, autoscaler: undefined }, { service });
    expect(condition(found, 'Ready')).toMatchObject({ status: 'False', reason: 'Suspended' });
    expect(condition(found, 'Reconciling')).toMatchObject({ status: 'False', reason: 'Suspended' });
    expect(condition(found, 'StoresReady').status).toBe('True');
  });

  it('moves lastTransitionTime only when a condition flips', () => {
    const first = status();
    const later = { service: withStatus(orders, first), nowMs: nowMs + 60_000 };
    expect(status({}, later)).toEqual(first);
    const flipped = status({ workloads: { ...healthy.workloads, query: gone } }, later);
    expect(condition(flipped, 'QueryReady').lastTransitionTime).toBe('2026-01-02T03:05:05Z');
    expect(condition(flipped, 'CommandReady').lastTransitionTime).toBe('2026-01-02T03:04:05Z');
  });
});

describe('an error of the relay', () => {
  it.each(Object.entries(relayReasons))('%s is %s, with a remedy of its own', (code, reason) => {
    const found = condition(status(relaySays(code, 'It happened')), 'RelayStreaming');
    expect(found).toMatchObject({ status: 'False', reason });
    expect(found.message).toContain('The relay says: It happened. ');
    expect(found.message).not.toMatch(/<|>/);
  });

  it('that names the command which helps is not told it twice', () => {
    const error = 'It is lost. Run `kubectl exec deploy/orders-relay -- it` to mend it.';
    const found = condition(status(relaySays('CQRS_SLOT_LOST', error)), 'RelayStreaming');
    expect(found.message).toBe(`The relay says: ${error}`);
  });

  it('has a reason for each code that the relay knows', async () => {
    const folder = new URL('../../../../services/relay/src/', import.meta.url);
    const files = (await readdir(folder)).filter((name) => /^[a-z-]+\.ts$/.test(name));
    const sources = await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')));
    const codes = sources.flatMap((source) => [...source.matchAll(/'(CQRS_[A-Z_]+)'/g)]);
    const thrown = codes.map(([, code = '']) => code).filter((code) => isErrorCode(code));
    expect(thrown.filter((code) => !Object.hasOwn(relayReasons, code))).toEqual([]);
  });
});

describe('a rollout', () => {
  it('that its new pods hold up says why in their words', () => {
    const found = status({
      workloads: { ...healthy.workloads, command: { ...runs, rolledOut: false } },
      readings: {
        ...healthy.readings,
        command: [{ ...relayStreams, error: 'order.ts exports no decide' }],
      },
    });
    expect(condition(found, 'Ready').status).toBe('True');
    expect(condition(found, 'Reconciling').message).toContain(
      'The new ones say: order.ts exports no decide.',
    );
  });
});

describe('the columns', () => {
  it('show pods, addresses, reads and lag', () => {
    const found = status({
      demand: { state: 'fresh', readsPerSecond: 1234.5, atMs: 0 },
      readings: {
        ...healthy.readings,
        projector: [projects('orders', { lagEvents: 120, lagSeconds: 14 })],
      },
    });
    expect(found).toMatchObject({
      command: { ready: '2/2', url: 'http://orders-command.shop.svc' },
      query: {
        ready: '1/1',
        url: 'http://orders-query.shop.svc',
        desiredReplicas: 1,
        readsPerSecond: 1200,
      },
      projection: { lag: '120 / 14s', lagEvents: 120, lagSeconds: 14 },
    });
  });

  it('show each view with what stands still and what is behind', () => {
    const behind = [{ topicPartition: 'shop.orders.order/3', lagEvents: 120, lagSeconds: 14 }];
    const orderView = projects('orders', { lagEvents: 120, lagSeconds: 14, haltedKeys: 2, behind });
    const projector = [orderView, projects('customers', { halted: ['shop.orders.order/1: gap'] })];
    expect(status({ readings: { ...healthy.readings, projector } }).projection?.views).toEqual([
      {
        name: 'customers',
        lagEvents: 0,
        lagSeconds: 0,
        haltedPartitions: 1,
        haltedKeys: 0,
        behind: [],
      },
      {
        name: 'orders',
        lagEvents: 120,
        lagSeconds: 14,
        haltedPartitions: 0,
        haltedKeys: 2,
        behind,
      },
    ]);
  });

  it('keep the last numbers while there are no new ones', () => {
    const before = status({ demand: { state: 'fresh', readsPerSecond: 90, atMs: 0 } });
    const after = status(
      { demand: { state: 'stale', message: 'too early' }, readings: {} },
      { service: withStatus(orders, before) },
    );
    expect(after.query).toEqual(before.query);
    expect(after.projection).toEqual(before.projection);
  });

  it('show no reads when nobody could answer them', () => {
    const before = status({ demand: { state: 'fresh', readsPerSecond: 90, atMs: 0 } });
    const after = status(
      {
        demand: { state: 'stale', message: 'no pod' },
        workloads: { ...healthy.workloads, query: gone },
      },
      { service: withStatus(orders, before) },
    );
    expect(after.query?.readsPerSecond).toBe(0);
  });
});
