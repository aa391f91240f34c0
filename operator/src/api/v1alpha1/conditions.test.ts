import { describe, expect, test } from 'vitest';
import {
  conditionTypes,
  explain,
  findCondition,
  remedies,
  removeCondition,
  setCondition,
  type Condition,
} from './conditions.ts';

const noonMs = Date.parse('2026-08-20T12:00:00.750Z');
const minuteMs = 60_000;

const ready = { type: 'Ready', status: 'True', reason: 'Available', message: 'All runs.' } as const;
const unready = {
  type: 'Ready',
  status: 'False',
  reason: 'PostgresNotReady',
  message: 'Postgres is away.',
} as const;
const streaming = {
  type: 'RelayStreaming',
  status: 'True',
  reason: 'Streaming',
  message: 'Streams.',
} as const;

describe('setCondition', () => {
  const before = setCondition([], ready, 1, noonMs);

  test('sets the time of a new condition, in whole seconds', () => {
    expect(before).toEqual([
      { ...ready, observedGeneration: 1, lastTransitionTime: '2026-08-20T12:00:00Z' },
    ]);
  });

  test('keeps the time while the status stays, whatever else changes', () => {
    const message = 'Still all runs.';
    const after = setCondition(before, { ...ready, message }, 2, noonMs + minuteMs);
    expect(after).toEqual([
      { ...ready, message, observedGeneration: 2, lastTransitionTime: '2026-08-20T12:00:00Z' },
    ]);
  });

  test('moves the time when the status flips', () => {
    const after = setCondition(before, unready, 1, noonMs + minuteMs);
    expect(after[0]?.lastTransitionTime).toBe('2026-08-20T12:01:00Z');
  });

  test('leaves other conditions as they are, and the given list untouched', () => {
    const both = setCondition(before, streaming, 1, noonMs);
    const after = setCondition(both, unready, 1, noonMs + minuteMs);
    expect(findCondition(after, 'RelayStreaming')).toBe(findCondition(both, 'RelayStreaming'));
    expect(findCondition(both, 'Ready')?.status).toBe('True');
  });

  test('keeps the order of the table, whatever the order of the calls', () => {
    const all = conditionTypes
      .toReversed()
      .reduce<Condition[]>(
        (conditions, type) => setCondition(conditions, { ...ready, type }, 1, noonMs),
        [],
      );
    expect(all.map(({ type }) => type)).toEqual(conditionTypes);
  });
});

test('removeCondition takes one away', () => {
  const both = setCondition(setCondition([], ready, 1, noonMs), streaming, 1, noonMs);
  expect(removeCondition(both, 'RelayStreaming').map(({ type }) => type)).toEqual(['Ready']);
});

test('explain says what happened and then what to do', () => {
  expect(explain('RedisNotReady', 'orders-redis has no ready pod.')).toBe(
    'orders-redis has no ready pod. Look at the Redis pod; reads are refused until it is back.',
  );
});

describe('the table of reasons', () => {
  test.each(Object.entries(remedies))(
    '%s is a CamelCase name with a sentence',
    (reason, remedy) => {
      expect(reason).toMatch(/^[A-Z][A-Za-z]+$/);
      expect(remedy).toMatch(/^[A-Z].*\.$/);
    },
  );

  test('changes only on purpose: people script against these names', () => {
    expect(Object.keys(remedies).toSorted().join(' ')).toMatchInlineSnapshot(
      `"AggregateUndeclared ApplyRefused Available BehaviorMissing CatchingUp CaughtUp CommandFailing CommandRunning ContainerCrashing ContainerNotCreated DeadLetterFailing Deleting EventMalformed EventSourceFailing EventsExpired ImagePullFailed KafkaNotReady KeysHalted MetricsApiAbsent MetricsApiTaken MetricsUnavailable MigrationPending NameTaken NotRequested OutOfMemory Paused PgoutputMalformed PodUnschedulable PodsForbidden PodsNotReady PositionAhead PostgresNotReady Progressing ProjectionFailing ProjectionHalted ProjectorMisconfigured ProjectorUnreachable PublicationLost PublishFailed QueryFailing QueryRunning ReadStoreFailing RedisNotReady RelayMisconfigured RelayNotStreaming RelayUnreachable RolloutStuck ScaledToMax Scaling SchemaInvalid SecretIncomplete SlotAhead SlotBusy SlotLost SourceAggregateMissing SourceServiceMissing Starting StoresRunning Streaming Suspended TimelineChanged TokenKeyInvalid TopicLost TopicMismatch TopicMissing UnknownField UpToDate VersionGap VolumeElsewhere VolumeFull VolumeLost VolumePending"`,
    );
  });
});
