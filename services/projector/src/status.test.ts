import type { ProjectorStatus } from '@cqrs/contract/ops-status.ts';
import { expect, test } from 'vitest';
import { fetchedRecord } from '../../../test/support/fetched-record.ts';
import type { HaltedKey } from './halted-key.ts';
import {
  noteApplied,
  noteHighWatermark,
  noteWaiting,
  ownPartition,
  type OwnedPartition,
} from './owned-partition.ts';
import { projectorStatus, viewStatus } from './status.ts';

const lease = { id: 'lease', offset: '0', haltedKeys: new Map<string, HaltedKey>() };

const at = (timestampMs: number) =>
  fetchedRecord({ offset: 0, key: 'k', value: null, timestampMs });

function owned(partition: number): OwnedPartition {
  return ownPartition({ topic: 'orders', partition }, true, 1_000);
}

test('a partition is behind from the last time that it was known to be up to date', () => {
  const partition = owned(0);
  const status = (nowMs: number) => {
    const progress = { view: 'v', partitions: [partition], troubles: [] };
    const { lagEvents, lagSeconds } = viewStatus(progress, nowMs) ?? {};
    return [lagEvents, lagSeconds];
  };
  partition.next = 0n;
  noteHighWatermark(partition, 10n, 2_000);
  expect(status(9_000)).toEqual([10, 8]);
  // Once the oldest event that waits is fetched, its age is known.
  noteWaiting(partition, at(300));
  expect(status(9_000)).toEqual([10, 8.7]);
  // While it catches up with the past, what waits is no older than the last event that was applied.
  noteApplied(partition, { lease, next: 5n, timeMs: 400, last: at(410) });
  expect(status(9_000)).toEqual([5, 8.59]);
  noteApplied(partition, { lease, next: 10n, timeMs: 500, last: at(510) });
  noteHighWatermark(partition, 10n, 9_000);
  expect(status(60_000)).toEqual([0, 0]);
  // One event after an idle minute makes it late by the time since, not by a minute.
  noteHighWatermark(partition, 10n, 59_000);
  noteHighWatermark(partition, 11n, 60_000);
  expect(status(60_500)).toEqual([1, 1.5]);
});

test('a view is not told of before all its partitions were taken, as its lag is not known', () => {
  const [taken, assigned] = [owned(0), owned(1)];
  taken.next = 0n;
  const views = (): ProjectorStatus['views'] =>
    projectorStatus([{ view: 'v', partitions: [taken, assigned], troubles: [] }], 9_000).views;
  expect(views()).toEqual([]);
  // What its topic ends at is known before where the view stands in it.
  noteHighWatermark(assigned, 10n, 2_000);
  expect(views()).toEqual([]);
  assigned.next = 4n;
  expect(views()).toMatchObject([{ view: 'v', lagEvents: 6 }]);
});

test('a view sums the events of its partitions and is as late as the latest of them', () => {
  const [one, other] = [owned(0), owned(1)];
  for (const partition of [one, other]) partition.next = 0n;
  noteHighWatermark(one, 3n, 2_000);
  noteHighWatermark(other, 4n, 2_000);
  noteApplied(other, { lease, next: 1n, timeMs: 5_000, last: at(5_000) });
  const partitions = [one, other];
  expect(viewStatus({ view: 'v', partitions, troubles: [] }, 6_000)).toMatchObject({
    lagEvents: 6,
    lagSeconds: 5,
    partitions: [
      { topicPartition: 'orders:0', lagEvents: 3, lagSeconds: 5 },
      { topicPartition: 'orders:1', lagEvents: 3, lagSeconds: 1 },
    ],
  });
});

test('says which partitions are halted and why, the first trouble, and nothing of views it owns nothing of', () => {
  const halted = {
    ...owned(2),
    next: 7n,
    highWatermark: 9n,
    halt: { code: 'CQRS_VERSION_GAP', message: 'Restore it.' } as const,
  };
  const trouble = { code: 'CQRS_TOPIC_MISSING', message: 'It waits.' } as const;
  expect(
    projectorStatus(
      [
        { view: 'a', partitions: [], troubles: [trouble] },
        { view: 'b', partitions: [halted], troubles: [] },
      ],
      1_000,
    ),
  ).toEqual({
    program: 'projector',
    error: 'It waits.',
    errorCode: 'CQRS_TOPIC_MISSING',
    views: [
      {
        view: 'b',
        lagEvents: 2,
        lagSeconds: 0,
        partitions: [{ topicPartition: 'orders:2', lagEvents: 2, lagSeconds: 0 }],
        haltedKeys: [],
        haltedKeyCount: 0,
        halted: [{ topicPartition: 'orders:2', error: 'CQRS_VERSION_GAP: Restore it.' }],
      },
    ],
  });
});

test('tells a hundred halted keys and counts all', () => {
  const halted = Array.from({ length: 150 }, (_, n) => ({ key: `k${n}`, offset: '3', error: 'E' }));
  const partition = { ...owned(0), next: 0n };
  partition.lease = { ...lease, haltedKeys: new Map(halted.map((each) => [each.key, each])) };
  const status = viewStatus({ view: 'v', partitions: [partition], troubles: [] }, 0);
  expect(status?.haltedKeyCount).toBe(150);
  expect(status?.haltedKeys).toHaveLength(100);
  expect(status?.haltedKeys[0]).toEqual({ topicPartition: 'orders:0', ...halted[0] });
});
