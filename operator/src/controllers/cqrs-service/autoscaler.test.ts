import { expect, it } from 'vitest';
import { scalingMetric } from './autoscaler.ts';

const live = (type: string) => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'orders-query' },
  spec: { metrics: [{ type }] },
});

it.each([
  ['ours', 'Resource', 'reads'],
  ['unavailable', 'Object', 'reads'],
  ['foreign', 'Object', 'cpu'],
  ['absent', 'Object', 'cpu'],
  ['unknown', 'Object', 'reads'],
  ['unknown', 'Resource', 'cpu'],
] as const)(
  'an API that is %s makes of an HPA with a metric of %s one of %s',
  (state, type, metric) => {
    expect(scalingMetric({ state }, live(type))).toBe(metric);
  },
);

it('a new HPA goes by the reads as long as nobody has looked', () => {
  expect(scalingMetric({ state: 'unknown' }, undefined)).toBe('reads');
});
