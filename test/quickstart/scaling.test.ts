import { expect, test } from 'vitest';
import { quantity, replicaChart, scalingLine, type ScalingSample } from './scaling.ts';

const sample = (atMs: number, ready: number, desired = ready): ScalingSample => ({
  atMs,
  perReplica: 812.5,
  target: 200,
  desired,
  ready,
  commandReplicas: 2,
});

test.each([
  ['812500m', 812.5],
  ['200', 200],
  ['2k', 2000],
  ['oops', null],
  [undefined, null],
])('the quantity %s is %s', (text, value) => {
  expect(quantity(text)).toBe(value);
});

test('a line shows replicas that are still starting as hollow dots', () => {
  expect(scalingLine(sample(12_300, 3, 5), { served: 1004, p99Ms: 3.1 })).toBe(
    ' 12 s  reads/s 1004 (p99 3.1 ms)  hpa 813/200 (avg)  replicas ●●●○○ 3/5',
  );
});

test('the chart is as high as the most replicas and as wide as the samples', () => {
  expect(replicaChart([sample(0, 1), sample(1000, 3), sample(2000, 2)])).toEqual([
    '   3 ┤ █ ',
    '   2 ┤ ██',
    '   1 ┤███',
    '     └─── 2 s',
  ]);
});

test('a long run is squeezed without losing its peak', () => {
  const lines = replicaChart(
    Array.from({ length: 300 }, (_, at) => sample(at * 1000, at === 150 ? 6 : 1)),
  );
  expect(lines[0]).toContain('6 ┤');
  expect(lines[0]).toContain('█');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(72 + 14);
});
