import { expect, test } from 'vitest';
import type { PartitionLag, ServiceStatus } from '@cqrs/contract/ops-status.ts';
import {
  factsOf,
  isMoving,
  lagText,
  readingFrom,
  worstLag,
  type ViewReading,
} from './stage-reading.ts';

const standing = { halted: [], haltedKeys: [], haltedKeyCount: 0, partitions: [] };

const projector = (lagEvents: number, lagSeconds: number): ServiceStatus => ({
  program: 'projector',
  error: null,
  errorCode: null,
  views: [{ ...standing, view: 'orders', lagEvents, lagSeconds }],
});

const lagOf = (status: ServiceStatus): string | undefined => {
  const reading = readingFrom(status);
  const lag = reading.outcome === 'answered' ? worstLag(reading.views) : undefined;
  return lag && lagText(lag);
};

test.each([
  { events: 0, seconds: 0, shown: '0' },
  { events: 37, seconds: 0.4, shown: '0' },
  { events: 5000, seconds: 0.4, shown: '5000 / 0s' },
  { events: 120, seconds: 1.4, shown: '120 / 1s' },
  { events: 123_456, seconds: 987, shown: '120000 / 990s' },
])('a lag of $events events and $seconds s shows as $shown', ({ events, seconds, shown }) => {
  expect(lagOf(projector(events, seconds))).toBe(shown);
});

const partition = (number: number, lagEvents: number, lagSeconds: number): PartitionLag => ({
  topicPartition: `shop.orders.order/${`${number}`.padStart(2, '0')}`,
  lagEvents,
  lagSeconds,
});

const says = (lagSeconds: number, partitions: readonly PartitionLag[]): ServiceStatus => ({
  program: 'projector',
  error: null,
  errorCode: null,
  views: [{ ...standing, view: 'orders', lagEvents: 100, lagSeconds, partitions }],
});

const viewOf = (status: ServiceStatus): ViewReading | undefined => {
  const reading = readingFrom(status);
  return reading.outcome === 'answered' ? reading.views[0] : undefined;
};

test('a view that is caught up names no partitions, whatever is on its way', () => {
  expect(viewOf(says(9, [partition(1, 100, 9)]))?.behind).toEqual([]);
});

test('of a view that is behind the ten worst partitions are named, in the order of their names', () => {
  const partitions = Array.from({ length: 30 }, (_, number) => partition(number, 50, number));
  const behind = viewOf(says(29, partitions))?.behind ?? [];
  expect(behind.map(({ lagSeconds }) => lagSeconds)).toEqual([
    20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
  ]);
});

const facts = (status: ServiceStatus): object => factsOf(readingFrom(status));

test('numbers are no facts, but being behind and standing still are', () => {
  const slow = says(60, [partition(1, 500, 60)]);
  expect(facts(slow)).toEqual(facts(says(65, [partition(2, 700, 65)])));
  expect(facts(slow)).not.toEqual(facts(says(2, [])));
  expect(facts(projector(0, 0))).not.toEqual(
    facts({
      program: 'projector',
      error: null,
      errorCode: null,
      views: [{ ...standing, view: 'orders', lagEvents: 0, lagSeconds: 0, haltedKeyCount: 1 }],
    }),
  );
});

const relay = (eventsPublished: number): ServiceStatus => ({
  program: 'relay',
  streaming: true,
  error: null,
  errorCode: null,
  lagBytes: eventsPublished * 10,
  eventsPublished,
});

test('the counters of a relay under load do not change what is shown', () => {
  expect(readingFrom(relay(1))).toEqual(readingFrom(relay(1000)));
});

test('something moves while a view is behind or a pod is in trouble', () => {
  expect(isMoving(readingFrom(projector(3, 0.2)))).toBe(false);
  expect(isMoving(readingFrom(projector(3000, 60)))).toBe(true);
  expect(isMoving({ outcome: 'unreachable', message: 'no answer' })).toBe(true);
});
