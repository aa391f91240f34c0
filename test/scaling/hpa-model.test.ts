import { describe, expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../../operator/src/api/v1alpha1/example-services.ts';
import { queryHpa } from '../../operator/src/resources/query-hpa.ts';
import { blankMemory, hpaPeriodMs, look, type HpaSpec } from './hpa-model.ts';

const autoscaling = { minReplicas: 2, maxReplicas: 12, readsPerSecond: 100, scaleDownSeconds: 60 };
const orders = wholeService('orders', {
  ...ordersSpec,
  query: { ...ordersSpec.query, autoscaling },
});
const spec: HpaSpec = queryHpa(orders, { replicas: 0 }, 'reads').spec;

/** The replicas after each of some looks, one period apart. */
function replicasAfter(
  start: number,
  told: readonly (number | undefined)[],
  asWritten: HpaSpec = spec,
): readonly number[] {
  let [memory, replicas] = [blankMemory, start];
  return told.map((readsPerSecond, place) => {
    const seen = { spec: asWritten, replicas, readsPerSecond, nowMs: place * hpaPeriodMs };
    ({ memory, replicas } = look(memory, seen));
    return replicas;
  });
}

describe('one look', () => {
  test.each([
    ['stays within the tolerance above', 4, 440, 4],
    ['goes up by as much as is needed beyond it', 4, 441, 5],
    ['stays within the tolerance below', 4, 360, 4],
    ['goes up in one step', 2, 1190, 12],
    ['never beyond the most', 2, 9000, 12],
    ['reckons in thousandths', 4, 500.0004, 5],
    ['needs no metric to come up to the floor', 1, undefined, 2],
    ['needs no metric to come down to the ceiling', 15, undefined, 12],
    ['keeps the replicas without a metric', 7, undefined, 7],
    ['does not go down at once', 7, 100, 7],
  ])('%s', (_, replicas, told, expected) => {
    expect(replicasAfter(replicas, [told])).toEqual([expected]);
  });
});

describe('going down', () => {
  test('waits until all of the window asked for less, and then takes the most of it', () => {
    expect(replicasAfter(8, [800, 300, 500, 300, 300, 300, 300, 300])).toEqual([
      8, 8, 8, 8, 5, 5, 3, 3,
    ]);
  });

  test('stops at the floor', () => {
    expect(replicasAfter(8, [0, 0, 0, 0, 0]).at(-1)).toBe(2);
  });

  test('does not wait where the spec does not', () => {
    const { scaleDown } = spec.behavior;
    const eager = { ...scaleDown, stabilizationWindowSeconds: 0 };
    const asWritten = { ...spec, behavior: { ...spec.behavior, scaleDown: eager } };
    expect(replicasAfter(8, [300], asWritten)).toEqual([3]);
  });
});

function limitedBy(
  direction: 'scaleUp' | 'scaleDown',
  policy: HpaSpec['behavior']['scaleUp']['policies'][number],
): HpaSpec {
  const rules = { ...spec.behavior[direction], stabilizationWindowSeconds: 0 };
  const limited = { ...rules, policies: [policy] };
  return { ...spec, behavior: { ...spec.behavior, [direction]: limited } };
}

describe('policies', () => {
  test.each([
    ['scaleUp', 'Pods', 3, { from: 2, told: 1200, to: [5, 8, 11] }],
    ['scaleUp', 'Percent', 50, { from: 3, told: 1200, to: [5, 8, 12] }],
    ['scaleDown', 'Pods', 2, { from: 9, told: 0, to: [7, 5, 3] }],
    ['scaleDown', 'Percent', 50, { from: 9, told: 0, to: [4, 2, 2] }],
  ] as const)('bound %s: %s %i a period', (direction, type, value, { from, told, to }) => {
    const asWritten = limitedBy(direction, { type, value, periodSeconds: 15 });
    expect(replicasAfter(from, [told, told, told], asWritten)).toEqual(to);
  });

  test('count what changed within their period', () => {
    const slow = limitedBy('scaleUp', { type: 'Pods', value: 4, periodSeconds: 60 });
    expect(replicasAfter(2, [1200, 1200, 1200, 1200, 1200], slow)).toEqual([6, 6, 6, 6, 10]);
  });
});
