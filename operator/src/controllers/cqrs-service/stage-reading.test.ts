import { expect, test } from 'vitest';
import type { ServiceStatus } from '@cqrs/contract/ops-status.ts';
import { isMoving, lagText, readingFrom, worstLag } from './stage-reading.ts';

const projector = (lagEvents: number, lagSeconds: number): ServiceStatus => ({
  program: 'projector',
  error: null,
  errorCode: null,
  views: [{ view: 'orders', lagEvents, lagSeconds, halted: [] }],
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
