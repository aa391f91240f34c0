import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { planFaults, type TargetNames } from './plan.ts';

const targets: TargetNames = {
  command: ['orders/command/0', 'orders/command/1'],
  relay: ['orders/relay/0', 'orders/relay/1'],
  projector: ['orders/projector/0'],
  query: ['orders/query/0'],
  postgres: ['orders/postgres'],
  kafka: ['kafka'],
  redis: ['orders/redis'],
  link: ['relays to kafka', 'orders/command to postgres'],
  'postgres-disk': ['orders/postgres'],
  'kafka-disk': ['kafka'],
  'redis-disk': ['orders/redis'],
};
const minuteMs = 60_000;

test('a seed gives the same faults again, and another seed gives others', () => {
  expect(planFaults(1, minuteMs, targets)).toEqual(planFaults(1, minuteMs, targets));
  expect(planFaults(1, minuteMs, targets)).not.toEqual(planFaults(2, minuteMs, targets));
});

test('no target is hurt while it recovers, and all is over at the end', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 10 }), (seed, minutes) => {
      const faults = planFaults(seed, minutes * minuteMs, targets);
      const endMs = new Map<string, number>();
      for (const { atMs, forMs, target, group } of faults) {
        expect(targets[group]).toContain(target);
        expect(atMs).toBeGreaterThanOrEqual(endMs.get(target) ?? 0);
        endMs.set(target, atMs + forMs);
      }
      for (const ms of endMs.values()) expect(ms).toBeLessThanOrEqual(minutes * minuteMs);
      expect(faults.length).toBeGreaterThan(minutes * 8);
    }),
    { numRuns: 100 },
  );
});

test('five minutes hold every kind of fault of every group', () => {
  const kinds = new Set(
    planFaults(3, 5 * minuteMs, targets).map(({ group, kind }) => `${group} ${kind}`),
  );
  expect(kinds.size).toBe(26);
});

test('what cannot be hurt on a machine is left out, and all else is still dealt', () => {
  const without = { ...targets, 'postgres-disk': [], 'kafka-disk': [], 'redis-disk': [] };
  const kinds = new Set(
    planFaults(3, 5 * minuteMs, without).map(({ group, kind }) => `${group} ${kind}`),
  );
  expect(kinds.size).toBe(23);
});
