import { expect, it } from 'vitest';
import { eventsBehind, type ProjectorReading } from './events-behind.ts';
import { projects } from './example-observed.ts';

const times = { nowMs: 1_000, pollMs: 5_000 };
const pod = (name: string, reading: ProjectorReading['reading']): ProjectorReading => ({
  pod: name,
  reading,
});
const unreachable = { outcome: 'unreachable', message: 'no route' } as const;

it('sums what the projectors say of all views', () => {
  const found = eventsBehind(
    [
      pod('a', projects('orders', { movingEvents: 700 })),
      pod('b', projects('history', { movingEvents: 50 })),
    ],
    times,
  );
  expect(found).toEqual({ state: 'fresh', value: 750, windowSeconds: 5, atMs: 1_000 });
});

it('counts of a view what is not halted', () => {
  const halted = {
    lagEvents: 9_000,
    movingEvents: 40,
    halted: ['orders/3: its state is no object'],
  };
  expect(eventsBehind([pod('a', projects('orders', halted))], times)).toMatchObject({ value: 40 });
});

it.each([
  ['nobody is ready', [], 'No projector pod is ready'],
  ['a pod was not asked yet', [pod('a', undefined)], 'Projector pod a has not told'],
  [
    'a pod is silent',
    [pod('a', projects('orders')), pod('b', unreachable)],
    'Projector pod b has not',
  ],
  [
    'nothing is taken up',
    [pod('a', { ...projects('orders'), views: [] })],
    'No projector has taken up',
  ],
])('is unknown when %s', (_, projectors, message) => {
  expect(eventsBehind(projectors, times)).toEqual({
    state: 'stale',
    message: expect.stringContaining(message) as string,
  });
});
